import { describe, expect, it, vi } from 'vitest';
import { createPlainTemplate } from '../../lib/text/plain-template';
import { type BatchPlan, IGNORED_LABEL, type TokenBatch } from '../../protocol/batches';
import type { Sample } from '../../protocol/datasets';
import { ExampleEncoder } from '../examples/example-encoder';
import { EVERY_SAMPLE, type SampleChoice } from '../quality/dataset-steps';
import { lengthSorted } from '../runtime/length-sorted';
import { TrainingBatches } from '../runtime/training-batches';
import { CHARACTERS } from '../testing/characters';
import { estimateForTraining, isTooLargeToSurvey } from './estimated-dataset';
import { surveyForTraining } from './surveyed-dataset';

const PLAN: BatchPlan = {
  datasetId: 'd',
  modelId: 'm',
  sequenceLength: 24,
  batchSize: 4,
  trainOn: 'assistant',
  packing: false,
  evalShare: 0,
  seed: 7,
};

const text = (content: string): Sample => ({ kind: 'text', text: content });
const chat = (question: string, answer: string): Sample => ({
  kind: 'turns',
  turns: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});
/** Some take several windows; each is a letter of its own. */
const TEXTS = Array.from({ length: 50 }, (_, i) =>
  text(String.fromCharCode(65 + i).repeat(1 + ((i * 17) % 90))),
);
const CHATS = Array.from({ length: 50 }, (_, i) => chat('q', String.fromCharCode(65 + i)));

function partsOf(samples: Sample[], changes: Partial<BatchPlan> = {}, choice: Partial<SampleChoice> = {}) {
  const read = vi.fn((i: number) => Promise.resolve(samples[i] ?? text('')));
  const bytesOf = (i: number): number => JSON.stringify(samples[i]).length;
  const source = { count: samples.length, read, bytesOf, ...EVERY_SAMPLE, ...choice };
  const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));
  const plan = { ...PLAN, ...changes };
  return { plan, source, encoder, kept: null, cacheBytes: 1 << 16 };
}

async function batchesOf(...args: Parameters<typeof partsOf>): Promise<TrainingBatches> {
  const parts = partsOf(...args);
  const dataset = await estimateForTraining(parts);
  return new TrainingBatches({
    plan: parts.plan,
    datasets: new Map([['d', dataset]]),
    strategy: lengthSorted,
  });
}

async function epoch(batches: TrainingBatches): Promise<TokenBatch[]> {
  const { batchesPerEpoch } = await batches.summary();
  const all: TokenBatch[] = [];
  for (let index = 0; index < batchesPerEpoch; index += 1) all.push(await batches.trainBatch(index));
  return all;
}

/** How often each token is to be learnt. */
function labelCounts(batches: readonly TokenBatch[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { labels } of batches)
    for (const label of labels) if (label !== IGNORED_LABEL) counts.set(label, (counts.get(label) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a - b));
}

describe('estimated-dataset', () => {
  it.each([false, true])('learns every token of every text once an epoch, packed: %s', async (packing) => {
    const batches = await batchesOf(TEXTS, { packing });
    const counts = labelCounts(await epoch(batches));
    const wanted = labelCounts([
      {
        labels: Int32Array.from(
          TEXTS.flatMap((s) => [...CHARACTERS.encode(s.kind === 'text' ? s.text : '').slice(1), 0]),
        ),
      },
    ] as TokenBatch[]);
    // A packed row that turns out too full loses the end of its last sequence.
    if (packing) expect([...counts.keys()]).toEqual([...wanted.keys()]);
    else expect(counts).toEqual(wanted);
  });

  it('gives the same batch for the same number, whatever was read before', async () => {
    const first = await epoch(await batchesOf(TEXTS));
    const other = await batchesOf(TEXTS);
    expect(await other.trainBatch(7)).toEqual(first[7]);
    expect(await other.trainBatch(2)).toEqual(first[2]);
  });

  it('learns of conversations what a survey would', async () => {
    const parts = partsOf(CHATS, { sequenceLength: 64 });
    const surveyed = new TrainingBatches({
      plan: parts.plan,
      datasets: new Map([['d', await surveyForTraining(parts)]]),
      strategy: lengthSorted,
    });
    const estimated = await batchesOf(CHATS, { sequenceLength: 64 });
    expect(labelCounts(await epoch(estimated))).toEqual(labelCounts(await epoch(surveyed)));
    expect(await estimated.summary()).toMatchObject({ trainSamples: 50, estimated: true });
  });

  it('reads the measured rows, then only those of the batch', async () => {
    const many = Array.from({ length: 4000 }, (_, i) => text(`row ${i}`));
    const parts = partsOf(many);
    const dataset = await estimateForTraining(parts);
    const batches = new TrainingBatches({
      plan: parts.plan,
      datasets: new Map([['d', dataset]]),
      strategy: lengthSorted,
    });
    expect(parts.source.read.mock.calls.length).toBeLessThanOrEqual(128);
    parts.source.read.mockClear();
    await batches.trainBatch(3);
    expect(parts.source.read.mock.calls.length).toBeLessThanOrEqual(PLAN.batchSize);
  });

  it('makes the batch smaller by what is dropped, counted once each', async () => {
    const samples = CHATS.map((sample, i) =>
      i % 5 === 0 ? chat('a question that is too long', 'x') : sample,
    );
    const batches = await batchesOf(samples, { sequenceLength: 36 });
    expect((await batches.summary()).droppedSamples).toEqual({});
    const rows = [...(await epoch(batches)), ...(await epoch(batches))].map((batch) => batch.rows);
    expect(Math.min(...rows)).toBeLessThan(PLAN.batchSize);
    expect(Math.min(...rows)).toBeGreaterThan(0);
    expect((await batches.summary()).droppedSamples).toEqual({ 'answer-beyond-length': 10 });
  });

  it('puts the next rows in the place of a batch of nothing', async () => {
    const samples = CHATS.map((sample, i) => (i < 40 ? chat('a question that is too long', 'x') : sample));
    const batches = await batchesOf(samples, { sequenceLength: 36, batchSize: 2 });
    const all = await epoch(batches);
    expect(all.every(({ rows, targetTokens }) => rows > 0 && targetTokens > 0)).toBe(true);
  });

  it('refuses where none of the measured samples has anything to learn', async () => {
    await expect(batchesOf(CHATS, { sequenceLength: 4 })).rejects.toMatchObject({
      code: 'dataset.all-masked',
    });
  });

  it('holds out what a survey holds out, leaves out what is left out, and evaluates a part of it', async () => {
    const many = Array.from({ length: 8000 }, (_, i) => text(`row ${i}`));
    const batches = await batchesOf(many, { evalShare: 0.25 }, { leftOut: new Set([1, 2, 3]) });
    const { trainSamples, evalSamples, evalBatches } = await batches.summary();
    expect(trainSamples + evalSamples).toBe(7997);
    expect(evalSamples).toBeGreaterThan(1990);
    expect(evalBatches).toBe(512 / PLAN.batchSize);
    expect((await batches.evalBatch(0)).rows).toBe(PLAN.batchSize);
    expect((await batches.evalPrompts(3)).every((prompt) => prompt.startsWith('row'))).toBe(true);
  });

  it('tells its figures about right', async () => {
    const estimated = await (await batchesOf(TEXTS)).summary();
    const parts = partsOf(TEXTS);
    const { summary } = await surveyForTraining(parts);
    expect(estimated.trainTargetTokens / summary.trainTargetTokens).toBeCloseTo(1, 1);
  });

  it('is for datasets that are large in bytes or in samples', () => {
    expect(isTooLargeToSurvey({ samples: 100, sizeBytes: 1 << 20 })).toBe(false);
    expect(isTooLargeToSurvey({ samples: 100, sizeBytes: 1 << 30 })).toBe(true);
    expect(isTooLargeToSurvey({ samples: 1_000_000, sizeBytes: 1 << 20 })).toBe(true);
  });
});
