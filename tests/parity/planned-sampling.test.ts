// The sampler on the device against the one on the host. A draw asks for the token at one place of [0, 1), so a fine grid
// of draws shows the kept set, its order and its probabilities; sums on the device are in 32 bits, so a place next to a
// border may fall on its other side.
import { describe, expect, it } from 'vitest';
import {
  SAMPLING_FIELDS,
  sampleToken,
  writeTokenSettings,
} from '../../src/engine/planned/kernels/sample-token';
import {
  applyRepetitionPenalty,
  argmax,
  candidatesOf,
  type Candidates,
  type SamplingParameters,
} from '../../src/inference/sampling';
import { Random } from '../../src/lib/random';
import { draws, run } from './planned-fixture';

const OFF: SamplingParameters = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
const GRID = [0, ...Array.from({ length: 14 }, (_, i) => (i + 0.5) / 14), 1 - 2 ** -24];
/** Share of [0, 1) that sums in 32 bits may be off by. */
const TOLERANCE = 2e-5;

interface Draw {
  logits: Float32Array<ArrayBuffer>;
  sampling: SamplingParameters;
  uniform: number;
  seen?: readonly number[];
}

/** Rows of one dispatch. */
async function sampled(rows: readonly Draw[], lanes?: number): Promise<number[]> {
  const size = rows[0]?.logits.length ?? 0;
  const most = Math.max(1, ...rows.map(({ seen = [] }) => seen.length));
  const logits = new Float32Array(rows.length * size);
  const settings = new Uint32Array(rows.length * SAMPLING_FIELDS);
  const seenIds = new Uint32Array(rows.length * most);
  rows.forEach(({ logits: row, sampling, uniform, seen = [] }, index) => {
    logits.set(row, index * size);
    seenIds.set(seen, index * most);
    const at = index * SAMPLING_FIELDS;
    writeTokenSettings(new DataView(settings.buffer), at, { ...sampling, uniform, seen: seen.length });
  });
  const { chosen } = await run(({ tape, input }) => {
    const result = input('chosen', [rows.length], new Uint32Array(rows.length));
    sampleToken(
      tape.recorder,
      input('logits', [rows.length, size], logits),
      {
        settings: input('settings', [rows.length, SAMPLING_FIELDS], settings),
        seen: input('seen', [rows.length, most], seenIds),
      },
      result,
      lanes,
    );
    return { chosen: result };
  });
  return [...new Uint32Array(chosen?.buffer ?? new ArrayBuffer(0))];
}

/** How far the place is from the token's part of [0, 1); Infinity for a token that was cut. */
function distance({ ids, probabilities }: Candidates, id: number, uniform: number): number {
  const rank = ids.indexOf(id);
  if (rank === -1) return Infinity;
  const start = probabilities.slice(0, rank).reduce((sum, part) => sum + part, 0);
  const end = start + (probabilities[rank] ?? 0);
  return Math.max(0, start - uniform, uniform - end);
}

async function worst(
  logits: Float32Array<ArrayBuffer>,
  sampling: SamplingParameters,
  seen: readonly number[] = [],
): Promise<number> {
  const chosen = await sampled(GRID.map((uniform) => ({ logits, sampling, uniform, seen })));
  const candidates = candidatesOf(applyRepetitionPenalty(logits, seen, sampling.repetitionPenalty), sampling);
  return Math.max(...GRID.map((uniform, i) => distance(candidates, chosen[i] ?? -1, uniform)));
}

const scaled = (size: number, factor: number): Float32Array<ArrayBuffer> =>
  draws(size).map((value) => value * factor);

describe('sampleToken', () => {
  const cases: [string, Partial<SamplingParameters>][] = [
    ['the whole distribution', {}],
    ['a low temperature', { temperature: 0.4 }],
    ['a high temperature', { temperature: 1.7 }],
    ['top-k', { topK: 40 }],
    ['top-k of one', { topK: 1 }],
    ['top-k beyond the vocabulary', { topK: 100_000 }],
    ['top-p', { topP: 0.9 }],
    ['a small top-p', { topP: 0.05 }],
    ['min-p', { minP: 0.1 }],
    ['all together', { temperature: 0.8, topK: 50, topP: 0.95, minP: 0.02 }],
  ];
  it.each(cases)('%s, 1000 tokens: the kept set, order and probabilities of the host', async (_, changes) => {
    expect(await worst(scaled(1000, 3), { ...OFF, ...changes })).toBeLessThan(TOLERANCE);
  });

  it.each([
    { ...OFF, temperature: 0.7, topP: 0.95 },
    { ...OFF, topK: 64, minP: 0.01 },
    { ...OFF, temperature: 1.2 },
  ])(
    '49152 tokens, temperature $temperature, top-k $topK, top-p $topP, min-p $minP: the host',
    async (sampling) => {
      expect(await worst(scaled(49_152, 2.5), sampling)).toBeLessThan(TOLERANCE);
    },
  );

  it('greedy: exactly the host’s, the lowest id of equals, and never NaN', async () => {
    const random = new Random(11);
    const rows = Array.from({ length: 4 }, () => scaled(49_152, 3));
    rows.push(Float32Array.from({ length: 49_152 }, () => random.integer(5)));
    rows.push(new Float32Array(49_152).fill(-7), new Float32Array(49_152).fill(NaN));
    (rows[6] as Float32Array)[30_000] = -5;
    const chosen = await sampled(
      rows.map((logits) => ({ logits, sampling: { ...OFF, temperature: 0 }, uniform: 0.9 })),
    );
    expect(chosen).toEqual(rows.map((row) => argmax(row)));
  });

  it('256 invocations a row: the same tokens as with 4', async () => {
    const logits = scaled(2000, 3);
    const sampling = { ...OFF, topK: 300, topP: 0.97, repetitionPenalty: 1.3 };
    const rows = GRID.slice(0, 5).map((uniform) => ({ logits, sampling, uniform, seen: [3, 1999, 7] }));
    rows.push({ ...rows[0], sampling: { ...sampling, temperature: 0 } } as (typeof rows)[number]);
    expect(await sampled(rows, 256)).toEqual(await sampled(rows, 4));
  });

  it('repetition penalty: seen tokens are less probable, each once', async () => {
    const logits = scaled(500, 3);
    const seen = Array.from({ length: 60 }, (_, i) => i * 8);
    const sampling = { ...OFF, topP: 0.9, repetitionPenalty: 1.8 };
    expect(await worst(logits, sampling, seen)).toBeLessThan(TOLERANCE);
  });

  it('equal logits: cuts go through them by id, and draws reach every one that is left', async () => {
    const logits = new Float32Array(300).fill(-2);
    for (let id = 40; id < 60; id += 1) logits[id] = 1;
    for (const changes of [{ topK: 7 }, { topP: 0.3 }, { topK: 30, topP: 0.5 }, {}]) {
      expect(await worst(logits, { ...OFF, ...changes })).toBeLessThan(TOLERANCE);
    }
  });

  it('tokens that cannot be: minus infinity is never drawn', async () => {
    const logits = scaled(300, 1).map((value, id) => (id % 3 === 0 ? value : -Infinity));
    expect(await worst(logits, OFF)).toBeLessThan(TOLERANCE);
    expect(await worst(logits, { ...OFF, topK: 200 })).toBeLessThan(TOLERANCE);
  });

  it('rows of a batch: each has its own settings', async () => {
    const logits = scaled(2000, 2);
    const rows: Draw[] = [
      { logits, sampling: { ...OFF, temperature: 0 }, uniform: 0.5 },
      { logits, sampling: { ...OFF, topK: 5 }, uniform: 0.999 },
      { logits, sampling: { ...OFF, topP: 0.5 }, uniform: 0.3 },
      {
        logits,
        sampling: { ...OFF, temperature: 0, repetitionPenalty: 100 },
        uniform: 0,
        seen: [argmax(logits)],
      },
    ];
    const chosen = await sampled(rows);
    rows.forEach(({ sampling, uniform, seen = [] }, i) => {
      const penalised = applyRepetitionPenalty(logits, seen, sampling.repetitionPenalty);
      if (sampling.temperature === 0) expect(chosen[i]).toBe(argmax(penalised));
      else
        expect(distance(candidatesOf(penalised, sampling), chosen[i] ?? -1, uniform)).toBeLessThan(TOLERANCE);
    });
  });

  it('control: another temperature is caught', async () => {
    const logits = scaled(1000, 3);
    const chosen = await sampled(
      GRID.map((uniform) => ({ logits, sampling: { ...OFF, temperature: 1.1 }, uniform })),
    );
    const candidates = candidatesOf(logits, OFF);
    const distances = GRID.map((uniform, i) => distance(candidates, chosen[i] ?? -1, uniform));
    expect(Math.max(...distances)).toBeGreaterThan(100 * TOLERANCE);
  });
});
