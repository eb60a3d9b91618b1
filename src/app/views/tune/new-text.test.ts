import { describe, expect, it } from 'vitest';
import { splitAtNew } from './new-text';

describe('splitAtNew', () => {
  it('splitAtNew: starts the new part at a word', () => {
    expect(splitAtNew('the wheel is bent', 'the wheel was bent')).toEqual({
      same: 'the wheel ',
      fresh: 'was bent',
    });
  });

  it('splitAtNew: a difference inside a word marks the whole word', () => {
    expect(splitAtNew('we centre it', 'we centred it')).toEqual({ same: 'we ', fresh: 'centred it' });
  });

  it('splitAtNew: the same text has nothing new', () => {
    expect(splitAtNew('same', 'same')).toEqual({ same: 'same', fresh: '' });
  });
});
