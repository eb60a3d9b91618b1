import { describe, expect, it } from 'vitest';
import { AppError } from '../../lib/errors';
import { createPlainTemplate } from '../../lib/text/plain-template';
import { type BatchPlan, IGNORED_LABEL, type TokenBatch } from '../../protocol/batches';
import type { Sample } from '../../protocol/datasets';
import { ExampleEncoder } from '../examples/example-encoder';
import { EVERY_SAMPLE, type SampleChoice } from '../quality/dataset-steps';
import { CHARACTERS } from '../testing/characters';
import { lengthSorted } from '../runtime/length-sorted';
import { checkPlan } from '../runtime/check-plan';
import { TrainingBatches } from '../runtime/training-batches';
import { itemsOfRow, packFirstFit } from './packing';
import { splitSamples } from './split';
import { surveyForTraining } from './surveyed-dataset';

const TEXTS: Sample[] = Array.from({ length: 40 }, (_, i) => ({
  kind: 'text',
  text: String.fromCharCode(65 + i).repeat(1 + ((i * 7) % 19)),
}));

const PLAN: BatchPlan = {
  datasetId: 'd',
  modelId: 'm',
  sequenceLength: 24,
  batchSize: 4,
  trainOn: 'assistant',
  packing: false,
  evalShare: 0.1,
  seed: 7,
};

async function prepare(
  changes: Partial<BatchPlan> = {},
  samples = TEXTS,
  cacheBytes?: number,
  choice: Partial<SampleChoice> = {},
): Promise<TrainingBatches> {
  const read = (i: number) => Promise.resolve(samples[i] as Sample);
  const source = { count: samples.length, read, ...EVERY_SAMPLE, ...choice };
  const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));
  const plan = { ...PLAN, ...changes };
  checkPlan(plan);
  const memory = cacheBytes === undefined ? {} : { cacheBytes };
  const dataset = await surveyForTraining({ plan, source, encoder, kept: null, ...memory });
  return new TrainingBatches({ plan, datasets: new Map([['d', dataset]]), strategy: lengthSorted });
}

async function epoch(plan: TrainingBatches, number: number): Promise<TokenBatch[]> {
  const { batchesPerEpoch } = await plan.summary();
  const indices = Array.from({ length: batchesPerEpoch }, (_, i) => number * batchesPerEpoch + i);
  return Promise.all(indices.map((index) => plan.trainBatch(index)));
}

function targets(batches: TokenBatch[]): number[] {
  return batches
    .flatMap(({ labels }) => [...labels].filter((label) => label !== IGNORED_LABEL))
    .sort((a, b) => a - b);
}

const of = (count: number, beside = new Map<number, number>()) => ({ count, beside });

describe('split', () => {
  it('holds out a tenth, the same for the same seed', () => {
    const held = splitSamples(of(40), 0.1, 7);
    expect(held.reduce((sum, flag) => sum + flag, 0)).toBe(4);
    expect(splitSamples(of(40), 0.1, 7)).toEqual(held);
    expect(splitSamples(of(40), 0.1, 8)).not.toEqual(held);
  });

  it('leaves something on both sides of two samples, and holds out nothing without a share', () => {
    expect([...splitSamples(of(2), 0.01, 1)].sort()).toEqual([0, 1]);
    expect([...splitSamples(of(2), 0.99, 1)].sort()).toEqual([0, 1]);
    expect([...splitSamples(of(3), 0, 1)]).toEqual([0, 0, 0]);
  });

  it('keeps what belongs together on one side, whatever the seed; holds out nothing where all does', () => {
    const beside = new Map([
      [1, 0],
      [5, 4],
      [6, 4],
    ]);
    for (let seed = 0; seed < 20; seed += 1) {
      const held = splitSamples(of(10, beside), 0.3, seed);
      expect([held[1], held[5], held[6]], `seed ${seed}`).toEqual([held[0], held[4], held[4]]);
    }
    const all = new Map([1, 2, 3].map((sample) => [sample, 0]));
    for (let seed = 0; seed < 10; seed += 1)
      expect([...splitSamples(of(4, all), 0.5, seed)]).not.toContain(1);
  });
});

describe('samples left out', () => {
  it('take no part, and nobody else changes sides', async () => {
    const all = await (await prepare({ evalShare: 0.5 })).summary();
    const plan = await prepare({ evalShare: 0.5 }, TEXTS, undefined, { leftOut: new Set([3, 4, 5, 6, 7]) });
    const { trainSamples, evalSamples } = await plan.summary();
    expect(trainSamples + evalSamples).toBe(TEXTS.length - 5);
    expect(trainSamples).toBeLessThanOrEqual(all.trainSamples);
    expect(evalSamples).toBeLessThanOrEqual(all.evalSamples);
    const learnt = targets(await epoch(plan, 0));
    for (const sample of [3, 4, 5, 6, 7]) expect(learnt).not.toContain(65 + sample);
  });
});

describe('packing', () => {
  it('puts every sequence into one row, none above the length, well filled', () => {
    const lengths = Array.from({ length: 300 }, (_, i) => 1 + ((i * 13) % 60));
    const packed = packFirstFit(lengths, 64, 3);
    const rows = Array.from(packed.ends, (_, row) => [...itemsOfRow(packed, row)]);
    expect(rows.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    const filled = rows.map((row) => row.reduce((sum, item) => sum + (lengths[item] ?? 0), 0));
    expect(Math.max(...filled)).toBeLessThanOrEqual(64);
    expect(filled.reduce((sum, size) => sum + size, 0) / (rows.length * 64)).toBeGreaterThan(0.85);
  });
});

describe('packing and split', () => {
  it('give the rows that runs of before had: they resume where they were', () => {
    const packed = packFirstFit([5, 3, 8, 1, 9, 2, 7, 4, 6], 10, 1);
    expect(Array.from(packed.ends, (_, row) => [...itemsOfRow(packed, row)])).toEqual([
      [1, 5, 0],
      [8, 3],
      [2],
      [4],
      [6],
      [7],
    ]);
    const heldOut = splitSamples({ count: 20, beside: new Map() }, 0.2, 3);
    expect([...heldOut].join('')).toBe('00010000001001010000');
  });
});

describe('training-batches', () => {
  it('shifts labels, pads with ignored ones and counts targets', async () => {
    const plan = await prepare({ evalShare: 0, batchSize: 2 }, [
      { kind: 'text', text: 'abc' },
      { kind: 'text', text: 'x' },
    ]);
    const batch = await plan.trainBatch(0);
    // Rows sorted by length or not, the one that starts with "a" predicts b, c and the end.
    const row = batch.tokens[0] === 97 ? 0 : 1;
    const at = row * batch.length;
    expect([...batch.tokens.slice(at, at + 3)]).toEqual([97, 98, 99]);
    expect([...batch.labels.slice(at, at + 4)]).toEqual([98, 99, 0, IGNORED_LABEL]);
    expect([...batch.segments.slice(at, at + 4)]).toEqual([0, 0, 0, -1]);
    expect(batch).toMatchObject({ rows: 2, length: 16, targetTokens: 4 });
  });

  it('learns every target once in each epoch, packed or not', async () => {
    const loose = await prepare();
    const packed = await prepare({ packing: true });
    const summary = await loose.summary();
    const first = targets(await epoch(loose, 0));
    expect(first).toHaveLength(summary.trainTargetTokens);
    expect(targets(await epoch(loose, 1))).toEqual(first);
    expect(targets(await epoch(packed, 0))).toEqual(first);
    expect(summary).toMatchObject({ trainSamples: 36, evalSamples: 4, batchesPerEpoch: 9, evalBatches: 1 });
    expect((await packed.summary()).batchesPerEpoch).toBeLessThan(9);
  });

  it('gives the same batch for the same number, in any order, with and without a cache', async () => {
    const forward = await prepare({ packing: true });
    const forgetful = await prepare({ packing: true }, TEXTS, 0);
    const { batchesPerEpoch } = await forward.summary();
    const numbers = Array.from({ length: batchesPerEpoch * 2 }, (_, i) => i);
    const batches: TokenBatch[] = [];
    for (const number of numbers) batches.push(await forward.trainBatch(number));
    for (const number of [...numbers].reverse()) {
      expect(await forgetful.trainBatch(number)).toEqual(batches[number]);
    }
    const other = await prepare({ packing: true, seed: 8 });
    expect(await other.trainBatch(0)).not.toEqual(batches[0]);
  });

  it('keeps packed samples apart: positions start anew with each segment', async () => {
    const batch = await (await prepare({ packing: true })).trainBatch(0);
    expect(Math.max(...batch.segments)).toBeGreaterThan(0);
    for (let i = 1; i < batch.tokens.length; i++) {
      if (batch.segments[i] === -1 || i % batch.length === 0) continue;
      const follows = batch.segments[i] === batch.segments[i - 1];
      expect(batch.positions[i]).toBe(follows ? (batch.positions[i - 1] ?? 0) + 1 : 0);
      // No token is predicted across a border: the last one of a segment predicts the end of its text.
      if (!follows) expect(batch.labels[i - 1]).toBe(0);
    }
  });

  it('counts what is cut and what is left out', async () => {
    const turns = (prompt: string, answer: string): Sample => ({
      kind: 'turns',
      turns: [
        { role: 'user', content: prompt },
        { role: 'assistant', content: answer },
      ],
    });
    const samples = [turns('a', 'b'), turns('a', 'b'.repeat(50)), turns('a'.repeat(50), 'b')];
    const plan = await prepare({ evalShare: 0, sequenceLength: 28 }, samples);
    expect(await plan.summary()).toMatchObject({
      trainSamples: 2,
      truncatedSamples: 1,
      droppedSamples: { 'answer-beyond-length': 1 },
    });
    const nothing = prepare({ evalShare: 0, sequenceLength: 8 }, samples);
    await expect(nothing).rejects.toMatchObject({ code: 'dataset.all-masked' });
    await expect(nothing).rejects.toThrow(/3 with the answer beyond the sequence length/);
  });

  it('a poisoned sample: left out with the reason counted, whatever fails on it', async () => {
    const read = (i: number) =>
      i === 3
        ? Promise.reject(new AppError('dataset.bad-line', 'Sample 3 cannot be read.'))
        : Promise.resolve(TEXTS[i] as Sample);
    const tokenizer = {
      ...CHARACTERS,
      encode: (text: string) => {
        if (text.startsWith('H')) throw new RangeError('no such piece');
        return CHARACTERS.encode(text);
      },
    };
    const encoder = new ExampleEncoder(tokenizer, createPlainTemplate(CHARACTERS));
    const source = { count: TEXTS.length, read, ...EVERY_SAMPLE };
    const plan = { ...PLAN, evalShare: 0 };
    const { summary } = await surveyForTraining({ plan, source, encoder, kept: null });
    expect(summary).toMatchObject({ trainSamples: 38, droppedSamples: { unreadable: 1, 'not-encoded': 1 } });
    const gone = { ...source, read: () => Promise.reject(new AppError('storage.missing', 'gone')) };
    await expect(surveyForTraining({ plan, source: gone, encoder, kept: null })).rejects.toMatchObject({
      code: 'storage.missing',
    });
  });

  it('gives prompts of held-out samples only', async () => {
    const plan = await prepare();
    const prompts = await plan.evalPrompts(3);
    expect(prompts).toHaveLength(3);
    const seen = new Set((await epoch(plan, 0)).flatMap(({ tokens }) => [...tokens]));
    for (const prompt of prompts) expect(seen.has(prompt.charCodeAt(0))).toBe(false);
  });

  it('refuses a plan out of range and a batch that is not there', async () => {
    await expect(prepare({ batchSize: 0 })).rejects.toMatchObject({ code: 'config.invalid' });
    await expect(prepare({ evalShare: Number.NaN })).rejects.toMatchObject({ code: 'config.invalid' });
    await expect((await prepare()).evalBatch(1)).rejects.toThrow(/There is no batch 1/);
  });
});
