import { describe, expect, it } from 'vitest';
import { WeightLayout, type WeightGroup } from './weight-layout';

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

  it('a matrix larger than the limit: ranges of its rows, members across them', () => {
    const members: [string, number[]][] = [
      ['q', [10, 16]],
      ['k', [6, 16]],
    ];
    // 64 bytes a row: eight rows in 512 bytes.
    const layout = new WeightLayout(new Map([['qk', group(members, [16, 16])]]), 512, true);
    expect([...layout.groups].map(([name, { shape }]) => [name, shape])).toEqual([
      ['qk from row 0', [8, 16]],
      ['qk from row 8', [8, 16]],
    ]);
    expect(layout.flats).toEqual([512, 512]);
    const parameter = layout.parameter('qk', (piece) => piece);
    expect(parameter.value.shape).toEqual([16, 16]);
    expect(parameter.parts?.map(({ value }) => value.shape[0])).toEqual([8, 8]);
    const ranges = layout.rangesOf('q', 16, 9 * 16);
    expect(ranges.map(({ from, at, count }) => [from, at, count])).toEqual([
      [0, 16, 7 * 16],
      [7 * 16, 0, 2 * 16],
    ]);
  });

  it('in few bits: pieces whose words fit, each with its scales', () => {
    const members: [string, number[]][] = [['head', [64, 64]]];
    const groups = new Map([['head', { ...group(members, [64, 64]), storage: 'int4' as const }]]);
    const layout = new WeightLayout(groups, 1024, false);
    // 32 bytes of words a row: two pieces of 32 rows, each with 256 bytes of scales.
    expect(layout.frozen('head').parts?.map(({ quantised }) => quantised?.scales?.shape)).toEqual([
      [32, 2],
      [32, 2],
    ]);
    expect(layout.flats).toEqual([1024, 256, 1024, 256].filter((bytes) => bytes > 0));
  });
});
