import { describe, expect, it } from 'vitest';
import { findSimilar } from './find-similar';
import type { KeptVector } from './kept-vectors';
import { vectorLines } from './vector-lines';

const kept = (sample: number, ...values: number[]): KeptVector => ({
  sample,
  key: String(sample),
  vector: values.length === 0 ? null : Float32Array.from(values),
});

async function* blocks(...all: KeptVector[][]): AsyncGenerator<KeptVector[]> {
  for (const block of all) yield await Promise.resolve(block);
}

describe('find-similar', () => {
  const rows = [
    [kept(0, 0, 2), kept(1, 3, 3), kept(2)],
    [kept(5, -1, 0), kept(6, 0, 0.5), kept(7, 5, 4)],
  ];

  it('find-similar: the nearest first, whatever their length; what has no vector is counted', async () => {
    const { best, searched, missing } = await findSimilar(blocks(...rows), Float32Array.of(0, 9), 3);
    expect(best.map(({ sample }) => sample)).toEqual([0, 6, 1]);
    expect(best[0]?.score).toBeCloseTo(1, 6);
    expect(best[2]?.score).toBeCloseTo(Math.SQRT1_2, 6);
    expect([searched, missing]).toEqual([5, 1]);
  });

  it('find-similar: all where there are fewer, the opposite last, nothing of nothing', async () => {
    const { best } = await findSimilar(blocks(...rows), Float32Array.of(1, 0), 99);
    expect(best.at(-1)).toEqual({ sample: 5, score: -1 });
    expect(best).toHaveLength(5);
    expect((await findSimilar(blocks(), Float32Array.of(1), 3)).best).toEqual([]);
  });

  it('find-similar: vectors of another length are refused, a vector of zeros is like nothing', async () => {
    await expect(findSimilar(blocks(...rows), Float32Array.of(1), 3)).rejects.toMatchObject({
      code: 'config.invalid',
    });
    const { best } = await findSimilar(blocks([kept(0, 0, 0)]), Float32Array.of(1, 1), 3);
    expect(best).toEqual([{ sample: 0, score: 0 }]);
  });

  it('vector-lines: a line for each row that has a vector', async () => {
    const source = {
      count: 8,
      leftOut: new Set<number>(),
      contentOf: (sample: number) => Promise.resolve(`text "${sample}"`),
      inputsOf: () => Promise.reject(new Error('not asked')),
    };
    let file = '';
    for await (const part of vectorLines(blocks([kept(2, 0.1, 1)], [kept(3), kept(4, -2, 0)]), source))
      file += part;
    expect(
      file
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { row: 2, text: 'text "2"', embedding: [0.100000001, 1] },
      { row: 4, text: 'text "4"', embedding: [-2, 0] },
    ]);
  });
});
