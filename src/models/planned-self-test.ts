// Does the planned engine compute right on this device? The same tiny decoder and the same reference as the self-test of
// the eager engine, on plans: loss, every gradient of full and of LoRA training with blocks kept and computed again,
// decoding over pages, and tokens chosen on the device.
import { relativeError, type PlanDevice } from '../engine';
import type { SelfTestReport } from '../protocol/engine';
import type { LoraConfig } from '../protocol/models';
import type { DecoderConfig } from './decoder/decoder-config';
import type { FileArray } from './file-layout';
import { PlannedRuntime } from './decoder/planned/planned-runtime';
import { PlannedTraining } from './decoder/planned/planned-training';
import type { TrainableModel } from './trainable-model';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestBatch,
  selfTestWeights,
  TOLERANCE,
  type Check,
  type Computed,
} from './self-test';

const LORA: LoraConfig = { ...SELF_TEST_LORA, dropout: 0 };
/** Blocks are kept, or computed again. */
const BUDGETS = { kept: 2 ** 30, recomputed: 0 };

type Weights = ReadonlyMap<string, FileArray>;

const load = (
  plans: PlanDevice,
  weights: Weights,
  budgetBytes: number,
  config: DecoderConfig,
): Promise<PlannedRuntime> =>
  PlannedRuntime.load(plans, config, (name) => Promise.resolve(weights.get(name) as FileArray), budgetBytes);

/** Loss and gradients of whatever `training` trains. */
export async function plannedGradients(training: TrainableModel): Promise<Computed> {
  if (!(training instanceof PlannedTraining)) throw new TypeError('The training does not run on plans.');
  const { lossSum: loss } = await training.accumulate(selfTestBatch(), 0);
  const gradients = new Map<string, Float32Array>();
  for (const name of training.trained.layout.members.keys()) {
    gradients.set(name, await training.trained.gradients.read(name));
  }
  return { loss, gradients };
}

async function checkFull(plans: PlanDevice, config: DecoderConfig): Promise<Check[]> {
  const weights = selfTestWeights(config, false);
  const runtime = await load(plans, weights, BUDGETS.kept, config);
  const training = await runtime.createFullTraining();
  try {
    const reference = referenceOf(config, weights, selfTestBatch());
    return compareGradients(await plannedGradients(training), reference);
  } finally {
    training.dispose();
    runtime.dispose();
  }
}

async function checkLora(plans: PlanDevice): Promise<Check[]> {
  const weights = selfTestWeights(SELF_TEST_CONFIG, true);
  const runtime = await load(plans, weights, BUDGETS.recomputed, SELF_TEST_CONFIG);
  const adapter = await runtime.createAdapter(LORA, weights);
  const training = await runtime.createLoraTraining(LORA, 1, adapter);
  try {
    const computed = await plannedGradients(training);
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch());
    const gradients = new Map([...reference.gradients].filter(([name]) => computed.gradients.has(name)));
    return compareGradients(computed, { ...reference, gradients });
  } finally {
    for (const part of [training, adapter, runtime]) part.dispose();
  }
}

/** Heads of eight: single tokens are rotated, stored and attended to in one dispatch. */
const DECODING_CONFIG = { ...SELF_TEST_CONFIG, headSize: 8 };

/** Logits of the reference after the last of these tokens, [vocabSize]. */
export function logitsAfter(
  config: DecoderConfig,
  weights: Weights,
  tokens: readonly number[],
): Float64Array {
  const length = tokens.length;
  const { logits } = referenceOf(config, weights, {
    rows: 1,
    length,
    tokens: Int32Array.from(tokens),
    labels: new Int32Array(length).fill(-100),
    positions: Int32Array.from(tokens.keys()),
    segments: new Int32Array(length),
    targetTokens: 0,
  });
  return logits.slice((length - 1) * config.vocabSize);
}

/** Every way to choose that can only give the most probable token. */
const CHOICES = {
  greedy: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
  drawn: { temperature: 0.7, topK: 3, topP: 0.01, minP: 0.5, repetitionPenalty: 1 },
};

async function checkDecoding(plans: PlanDevice, config: DecoderConfig): Promise<Check[]> {
  const weights = selfTestWeights(config, false);
  const tokens = Array.from({ length: 36 }, (_, i) => (i * 7 + 3) % config.vocabSize);
  const expected = logitsAfter(config, weights, tokens);
  const runtime = await load(plans, weights, BUDGETS.kept, config);
  const session = runtime.createSession(null);
  const [start, last] = [tokens.slice(0, 34), tokens.slice(35)];
  const check = (name: string, error: number): Check => ({
    name,
    relativeError: error,
    tolerance: TOLERANCE,
    passed: error <= TOLERANCE,
  });
  try {
    await session.feed(start);
    await session.feed(tokens.slice(34, 35));
    const checks = [check('decoding over pages', relativeError(await session.feed(last), expected))];
    for (const [name, sampling] of Object.entries(CHOICES)) {
      session.truncate(35);
      const token = await session.feedAndChoose?.(last, { sampling, uniform: 0.5, seen: new Set() });
      const isBest = token === expected.indexOf(Math.max(...expected));
      checks.push(check(`token chosen, ${name}`, isBest ? 0 : 1));
    }
    return checks;
  } finally {
    session.dispose();
    runtime.dispose();
  }
}

/** @throws AppError `engine.kernel-failed` or `engine.out-of-memory` where a kernel does not even run. */
export async function runPlannedSelfTest(plans: PlanDevice): Promise<SelfTestReport> {
  const named = (kind: string, checks: Check[]): Check[] =>
    checks.map((check) => ({ ...check, name: `planned ${kind}: ${check.name}` }));
  const checks = [
    ...named('full', await checkFull(plans, SELF_TEST_CONFIG)),
    ...named('LoRA', await checkLora(plans)),
    ...named('session', await checkDecoding(plans, DECODING_CONFIG)),
  ];
  return { backend: 'webgpu', checks, passed: checks.every(({ passed }) => passed) };
}

/** A training step and decoding of a tiny decoder whose heads have eight numbers. @throws as `runPlannedSelfTest`. */
export const checkPlannedDecoder = async (plans: PlanDevice, config: DecoderConfig): Promise<Check[]> => [
  ...(await checkFull(plans, config)),
  ...(await checkDecoding(plans, config)),
];
