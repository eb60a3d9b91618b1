import { describe, expect, it } from 'vitest';
import { sortByDependency } from './sort-by-dependency';

const ids = (configs: readonly Record<string, unknown>[]) => configs.map(({ id }) => id);

describe('sortByDependency', () => {
  it('keeps the order where nothing depends on anything', () => {
    expect(ids(sortByDependency([{ id: 'b' }, { id: 'a' }]).configs)).toEqual(['b', 'a']);
  });

  it('places a source before what is made from it', () => {
    const configs = [{ id: 'made', source_dataset_id: 'source' }, { id: 'source' }];
    expect(ids(sortByDependency(configs).configs)).toEqual(['source', 'made']);
  });

  it.each([['made'], [['made']]])('follows conditioning_data %j', (conditioning_data) => {
    const configs = [{ id: 'made' }, { id: 'source', conditioning_data }];
    expect(ids(sortByDependency(configs).configs)).toEqual(['source', 'made']);
  });

  it('source_dataset_id goes before conditioning_data', () => {
    const configs = [
      { id: 'made', source_dataset_id: 'one' },
      { id: 'two', conditioning_data: 'made' },
      { id: 'one' },
    ];
    expect(ids(sortByDependency(configs).configs)).toEqual(['one', 'made', 'two']);
  });

  it('places what has no id last', () => {
    const configs = [{ type: 'local' }, { id: 'a' }];
    expect(ids(sortByDependency(configs).configs)).toEqual(['a', undefined]);
  });

  it('names a backend of a circle and leaves the order', () => {
    const configs = [
      { id: 'a', source_dataset_id: 'b' },
      { id: 'b', source_dataset_id: 'a' },
    ];
    const sorted = sortByDependency(configs);
    expect(sorted.cycle).toBe('a');
    expect(ids(sorted.configs)).toEqual(['a', 'b']);
  });

  it('a source that is not there is no dependency', () => {
    expect(sortByDependency([{ id: 'a', source_dataset_id: 'gone' }]).cycle).toBeNull();
  });
});
