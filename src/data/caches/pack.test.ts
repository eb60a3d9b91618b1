import { describe, expect, it } from 'vitest';
import { packValues, readPackList } from './pack';

const VALUES = [
  { key: 'a', datasetId: 'd', bytes: new Uint8Array([1, 2, 3]).buffer, gzip: false },
  { key: 'b', datasetId: 'd', bytes: new Uint8Array([4]).buffer, gzip: true },
];

/** A pack whose list says what it likes. */
function packOf(list: unknown, bodyBytes: number): Blob {
  const mark = packValues([]).slice(0, 4);
  const text = new TextEncoder().encode(JSON.stringify(list));
  return new Blob([mark, new Uint32Array([text.length]), text, new Uint8Array(bodyBytes)]);
}

describe('pack', () => {
  it('pack: each value is found where it was put', async () => {
    const file = new Blob([packValues(VALUES)]);
    const list = await readPackList(file);
    expect(list?.map(({ key, gzip }) => [key, gzip])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    const [first] = list ?? [];
    expect(await file.slice(first?.start, first?.end).bytes()).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('pack: what is cut, of another kind, or lies about its lengths is none', async () => {
    const whole = new Blob([packValues(VALUES)]);
    expect(await readPackList(packOf([['a', 4, false]], 4))).toHaveLength(1);
    const none = [
      whole.slice(0, whole.size - 1),
      whole.slice(0, 4),
      new Blob(['something else altogether']),
      packOf({ a: 4 }, 4),
      packOf([['a', '4', false]], 4),
      packOf(
        [
          ['a', 8, false],
          ['b', -4, false],
        ],
        4,
      ),
    ];
    for (const file of none) expect(await readPackList(file)).toBeNull();
  });
});
