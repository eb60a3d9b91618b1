import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../reading/row-event';
import { hubRowReader } from './hub-rows';

const blob = new Blob([
  parquetWriteBuffer({
    columnData: ['text', 'caption', 'question', 'answer', 'collection'].map((name) => ({
      name,
      data: [`${name} 1`, `${name} 2`],
      type: 'STRING' as const,
    })),
  }),
]);

async function read(config: object, onRejected?: (rows: number) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const reader = hubRowReader({ id: 'a', type: 'huggingface', ...config }, onRejected);
  for await (const event of reader({ name: 'a.parquet', blob }, {}))
    if (event.kind === 'row') rows.push(event.row);
  return rows;
}

const columns = async (config: object) => Object.keys((await read(config))[0] ?? {});

describe('hub rows', () => {
  it('all columns where it is not said which make a sample', async () => {
    const all = ['text', 'caption', 'question', 'answer', 'collection'];
    expect(await columns({})).toEqual(all);
    expect(await columns({ format: 'completion', mapping: { prompt: 'question' } })).toEqual(all);
    expect(await columns({ mapping: { text: 'text' } })).toEqual(all);
  });

  it('the mapped columns of a format, and those of captions', async () => {
    const mapping = { prompt: 'question', completion: 'answer' };
    expect(await columns({ format: 'completion', mapping })).toEqual(['question', 'answer']);
    expect(await columns({ caption_strategy: 'huggingface' })).toEqual(['text', 'caption']);
    expect(await columns({ caption_strategy: 'huggingface', caption_column: 'answer.words' })).toEqual([
      'answer',
    ]);
    expect(
      await columns({ caption_strategy: 'huggingface', huggingface: { caption_column: 'answer' } }),
    ).toEqual(['answer']);
  });

  it('rows by filter_func, those left out counted', async () => {
    let rejected = 0;
    const config = { filter_func: { collection: 'collection 2' }, format: 'text', mapping: { text: 'text' } };
    expect(await read(config, (rows) => void (rejected += rows))).toEqual([{ text: 'text 2' }]);
    expect(rejected).toBe(1);
  });

  it('refuses a filter_func that makes no sense, naming the place', () => {
    expect(() => hubRowReader({ id: 'a', filter_func: { quality_thresholds: { a: 'high' } } })).toThrow(
      'Backend "a" has "high" as its filter_func.quality_thresholds.a.',
    );
    expect(() => hubRowReader({ id: 'a', filter_func: 'x' })).toThrow(
      'Backend "a" has "x" as its filter_func.',
    );
  });

  it('other files are read by their names', async () => {
    const reader = hubRowReader({ id: 'a' });
    const events = [];
    for await (const event of reader({ name: 'a.jsonl', blob: new Blob(['{"a":1}']) }, {}))
      events.push(event);
    expect(events).toEqual([{ kind: 'row', row: { a: 1 }, line: 1 }]);
  });
});
