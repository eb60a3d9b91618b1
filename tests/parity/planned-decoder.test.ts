import { describe, expect, it } from 'vitest';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { relativeError } from '../../src/engine/reference/compare';
import type { FileArray } from '../../src/models/file-layout';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { adapterShapes } from '../../src/models/decoder/decoder-names';
import { plannedActivationBytes } from '../../src/models/decoder/planned/plan-bytes';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { plannedGradients, runPlannedSelfTest } from '../../src/models/planned-self-test';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { LoraConfig } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

const LORA: LoraConfig = { rank: 2, alpha: 3, dropout: 0, targets: ['q', 'v', 'o', 'gate', 'down'] };
/** Rank-stabilised, weight-decomposed, and both. */
const VARIANTS = [
  { useRslora: false, useDora: false },
  { useRslora: true, useDora: false },
  { useRslora: false, useDora: true },
  { useRslora: true, useDora: true },
];
/** Keeps everything, or nothing. */
const BUDGETS = { kept: 2 ** 30, recomputed: 0 };

async function load(config: DecoderConfig, weights: ReadonlyMap<string, FileArray>, budget: number) {
  const owner = await planDevice();
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  return PlannedRuntime.load(owner, config, read, budget);
}

describe.each(Object.entries(BUDGETS))('planned Llama, blocks %s', (_, budget) => {
  it.each([false, true])('full, tied head %s: loss and every gradient of the reference', async (tiedHead) => {
    const config = { ...SELF_TEST_CONFIG, tiedHead };
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, budget);
    const training = await runtime.createFullTraining();
    const actual = await plannedGradients(training);
    const checks = compareGradients(actual, referenceOf(config, weights, selfTestBatch()));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    const { lossSum } = await training.evaluate(selfTestBatch());
    expect(Math.abs(lossSum / actual.loss - 1)).toBeLessThan(1e-5);
    training.dispose();
    runtime.dispose();
  });

  it('full, a sliding window over packed samples: loss and every gradient of the reference', async () => {
    const config = { ...SELF_TEST_CONFIG, slidingWindow: 3 };
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, budget);
    const training = await runtime.createFullTraining();
    const actual = await plannedGradients(training);
    const checks = compareGradients(actual, referenceOf(config, weights, selfTestBatch()));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    const other = referenceOf({ ...config, slidingWindow: 4 }, weights, selfTestBatch());
    expect(compareGradients(actual, other)[0]).toMatchObject({ name: 'loss', passed: false });
    training.dispose();
    runtime.dispose();
  });

  it.each(VARIANTS)('LoRA with %o: loss and the gradients of the adapter', async (variant) => {
    const lora = { ...LORA, ...variant };
    const weights = selfTestWeights(SELF_TEST_CONFIG, true, lora);
    const runtime = await load(SELF_TEST_CONFIG, weights, budget);
    const adapter = await runtime.createAdapter(lora, weights);
    const training = await runtime.createLoraTraining(lora, 1, adapter);
    const names = [...adapterShapes(SELF_TEST_CONFIG, lora).keys()];
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch(), lora);
    const expected = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
    const checks = compareGradients(await plannedGradients(training), { ...reference, gradients: expected });
    expect(checks).toHaveLength(names.length + 1);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    for (const part of [training, adapter, runtime]) part.dispose();
  });
});

describe('planned training', () => {
  it('runPlannedSelfTest: every check passes and leaves nothing behind', async () => {
    const owner = await planDevice();
    await runPlannedSelfTest(owner);
    const { bytes } = owner.memory;
    const { checks, passed } = await runPlannedSelfTest(owner);
    expect(checks.filter((check) => !check.passed)).toEqual([]);
    expect(passed).toBe(true);
    expect(owner.memory.bytes).toBe(bytes);
  });

  it('nothing stays on the device', async () => {
    const owner = await planDevice();
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    // Staging buffers and the arena stay for the next one.
    const run = async () => {
      const runtime = await load(SELF_TEST_CONFIG, weights, BUDGETS.kept);
      const training = await runtime.createFullTraining();
      await training.enableEma(0.9);
      const { targetTokens } = await training.accumulate(selfTestBatch(), 0);
      await training.step({ targetTokens, learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 });
      training.dispose();
      runtime.dispose();
    };
    await run();
    const { bytes } = owner.memory;
    await run();
    expect(owner.memory.bytes).toBe(bytes);
  });

  it.each(['lora', 'full'] as const)('%s: what a step takes is what was said before', async (method) => {
    const shared = await planDevice();
    // Its own arena, which nothing else has grown.
    const owner = new PlanDevice(shared.device, { vendor: '', software: true });
    const { config, batch } = { config: SELF_TEST_CONFIG, batch: selfTestBatch() };
    const weights = selfTestWeights(config, false);
    const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
    const runtime = await PlannedRuntime.load(owner, config, read, BUDGETS.recomputed);
    const training =
      method === 'full'
        ? await runtime.createFullTraining()
        : await runtime.createLoraTraining(LORA, 1, null);
    await training.accumulate(batch, 0);
    const step = { method, lora: LORA, batchSize: batch.rows, sequenceLength: batch.length };
    const said = plannedActivationBytes(config, step, owner, BUDGETS.recomputed);
    expect(owner.arena.bytes).toBe(said.activationsBytes + said.logitsBytes);
    training.dispose();
    runtime.dispose();
    owner.dispose();
  });

  it('negative control: another rotation base is caught', async () => {
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    const runtime = await load({ ...SELF_TEST_CONFIG, ropeTheta: 8_000 }, weights, BUDGETS.kept);
    const training = await runtime.createFullTraining();
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch());
    const failed = compareGradients(await plannedGradients(training), reference).filter(
      ({ passed }) => !passed,
    );
    expect(failed.map(({ name }) => name)).toContain('loss');
    training.dispose();
    runtime.dispose();
  });
});

describe('planned sessions', () => {
  const config = { ...SELF_TEST_CONFIG, contextLength: 96 };
  const tokens = Array.from({ length: 70 }, (_, i) => (i * 7 + 3) % config.vocabSize);

  /** Logits of the reference after the last of these tokens. */
  function expected(
    weights: ReadonlyMap<string, FileArray>,
    ids: readonly number[],
    of: DecoderConfig = config,
  ): Float64Array {
    const length = ids.length;
    const { logits } = referenceOf(of, weights, {
      rows: 1,
      length,
      tokens: Int32Array.from(ids),
      labels: new Int32Array(length).fill(-100),
      positions: Int32Array.from(ids.keys()),
      segments: new Int32Array(length),
      targetTokens: 0,
    });
    return logits.slice((length - 1) * config.vocabSize);
  }

  it('pieces, single tokens and a rewind over several pages: logits of the whole sequence', async () => {
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, BUDGETS.kept);
    const session = runtime.createSession(null);
    await session.feed(tokens.slice(0, 66));
    session.truncate(30);
    await session.feed(tokens.slice(30, 65));
    for (const token of tokens.slice(65, 69)) await session.feed([token]);
    const logits = await session.feed(tokens.slice(69));
    expect(session.length).toBe(70);
    expect(relativeError(logits, expected(weights, tokens))).toBeLessThan(1e-4);
    await expect(session.feed(tokens.slice(0, 27))).rejects.toThrow(/97 tokens do not fit the context of 96/);
    session.dispose();
    runtime.dispose();
  });

  it('a sliding window over several pages: logits of the whole sequence', async () => {
    const windowed = { ...config, slidingWindow: 9 };
    const weights = selfTestWeights(config, false);
    const runtime = await load(windowed, weights, BUDGETS.kept);
    const session = runtime.createSession(null);
    await session.feed(tokens.slice(0, 66));
    for (const token of tokens.slice(66, 69)) await session.feed([token]);
    const logits = await session.feed(tokens.slice(69));
    expect(relativeError(logits, expected(weights, tokens, windowed))).toBeLessThan(1e-4);
    expect(relativeError(logits, expected(weights, tokens))).toBeGreaterThan(1e-3);
    session.dispose();
    runtime.dispose();
  });

  it('two sequences side by side, one with an adapter: each has its own pages and weights', async () => {
    const weights = selfTestWeights(config, true);
    const runtime = await load(config, weights, BUDGETS.kept);
    const adapter = await runtime.createAdapter(LORA, weights);
    const [plain, adapted] = [runtime.createSession(null), runtime.createSession(adapter)];
    for (let at = 0; at < 40; at += 20) {
      await plain.feed(tokens.slice(at, at + 20));
      await adapted.feed(tokens.slice(at + 1, at + 21));
    }
    const base = new Map([...weights].filter(([name]) => !name.includes('lora')));
    const last = await plain.feed([1]);
    expect(relativeError(last, expected(base, [...tokens.slice(0, 40), 1]))).toBeLessThan(1e-4);
    const lastAdapted = await adapted.feed([1]);
    expect(relativeError(lastAdapted, expected(weights, [...tokens.slice(1, 41), 1]))).toBeLessThan(1e-4);
    for (const part of [plain, adapted, adapter, runtime]) part.dispose();
  });

  it('three sequences at once, of different lengths: each gets its own logits', async () => {
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, BUDGETS.kept);
    const starts = [0, 5, 17];
    const sessions = starts.map(() => runtime.createSession(null));
    await Promise.all(sessions.map((session, i) => session.feed(tokens.slice(starts[i], 34))));
    for (const token of [3, 4]) await Promise.all(sessions.map((session) => session.feed([token])));
    const last = await Promise.all(sessions.map((session) => session.feed([5])));
    starts.forEach((start, i) => {
      const reference = expected(weights, [...tokens.slice(start, 34), 3, 4, 5]);
      expect(relativeError(last[i] ?? [], reference)).toBeLessThan(1e-4);
    });
    for (const part of [...sessions, runtime]) part.dispose();
  });

  it('a training decodes with what it learnt, without export or reload', async () => {
    const weights = selfTestWeights(config, true);
    const runtime = await load(config, weights, BUDGETS.kept);
    const training = await runtime.createLoraTraining(LORA, 1, null);
    const { targetTokens } = await training.accumulate(selfTestBatch(), 0);
    await training.step({ targetTokens, learningRate: 0.1, weightDecay: 0, maxGradNorm: 0 });
    const adapter = await runtime.createAdapter(LORA, await training.exportWeights());
    const sessions = [runtime.createTrainingSession(training), runtime.createSession(adapter)] as const;
    const live = await sessions[0].feed(tokens.slice(0, 9));
    expect(live).toEqual(await sessions[1].feed(tokens.slice(0, 9)));
    const base = new Map([...weights].filter(([name]) => !name.includes('lora')));
    expect(relativeError(live, expected(base, tokens.slice(0, 9)))).toBeGreaterThan(1e-3);
    for (const part of [...sessions, adapter, training, runtime]) part.dispose();
  });
});
