import { describe, expect, it } from 'vitest';
import { WeightLayout, type WeightGroup } from './weight-store';

const group = (members: [string, number[]][], shape: number[]): WeightGroup => ({
  members: new Map(members),
  shape,
});

describe('WeightLayout', () => {
  it('members of a group lie below each other, groups at places that can be bound', () => {
    const layout = new WeightLayout(
      new Map([
        [
          'qk',
          group(
            [
              ['q', [3, 5]],
              ['k', [1, 5]],
            ],
            [4, 5],
          ),
        ],
        ['norm', group([['norm', [5]]], [5])],
      ]),
      1024,
      false,
    );
    expect(layout.members.get('k')).toMatchObject({ start: 15, shape: [1, 5] });
    const norm = layout.groups.get('norm');
    if (norm === undefined) throw new Error('no group');
    expect(layout.placeOf(norm)).toEqual({ flat: 0, offset: 256 });
    expect(layout.bytes).toBe(512);
  });

  it('a flat array ends at the limit of a binding', () => {
    const groups = new Map(['a', 'b', 'c'].map((name) => [name, group([[name, [100]]], [100])] as const));
    const layout = new WeightLayout(groups, 1024, false);
    expect(layout.flats).toEqual([1024, 512]);
  });
});
