import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/core/database';
import { ResponseCache } from '../../src/inference/response-cache';
import { SessionPool } from '../../src/inference/session-pool';
import { createToyModel } from '../../src/inference/testing/toy-language-model';
import { TextGenerator } from '../../src/inference/text-generator';
import { nextEventTurn } from '../../src/lib/async/event-turn';
import type { FileArray } from '../../src/models/file-layout';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import type { LoadedModel } from '../../src/models/loaded-model';
import { SELF_TEST_CONFIG, selfTestBatch, selfTestWeights } from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { GenerationRequest } from '../../src/protocol/inference';
import type { LoraConfig } from '../../src/protocol/models';
import { DeviceGuard } from '../../src/services/device-guard';
import { InferenceService } from '../../src/services/inference-service';
import { LiveRuns } from '../../src/services/live-runs';
import { planDevice } from './planned-fixture';

const LORA: LoraConfig = { rank: 2, alpha: 3, dropout: 0.1, targets: ['q', 'v', 'o', 'gate', 'down'] };
const STEPS = 6;
const request: GenerationRequest = {
  target: { modelId: 'toy', adapterId: null, runId: 'r' },
  input: { prompt: 'abcdefgh' },
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
  maxTokens: 24,
  stop: [],
};

/** One base on the device, one LoRA training over it, and the services that chat with it. */
async function liveBench() {
  const owner = await planDevice();
  const weights = selfTestWeights(SELF_TEST_CONFIG, false);
  const reads: string[] = [];
  const read = (name: string): Promise<FileArray> => {
    reads.push(name);
    return Promise.resolve(weights.get(name) as FileArray);
  };
  const runtime = await PlannedRuntime.load(owner, SELF_TEST_CONFIG, read, 2 ** 30);
  const training = await runtime.createLoraTraining(LORA, 1, null);
  const exports: string[] = [];
  const watched = watchExports(training, exports);
  const toy = createToyModel();
  const model: LoadedModel = {
    ...toy,
    vocabSize: SELF_TEST_CONFIG.vocabSize,
    contextLength: SELF_TEST_CONFIG.contextLength,
    stopTokenIds: [],
    tokenizer: {
      ...toy.tokenizer,
      encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0) % SELF_TEST_CONFIG.vocabSize),
      createDecodeStream: () => ({ push: (id) => `${id} `, flush: () => '' }),
    },
    createTrainingSession: (live) => runtime.createTrainingSession(live),
  };
  const guard = new DeviceGuard();
  const live = new LiveRuns(guard.exclusive);
  live.offer('r', model, watched);
  const cache = new ResponseCache(await openDatabase(`live-run-${crypto.randomUUID()}`));
  const generator = new TextGenerator({
    sessions: new SessionPool(),
    cache,
    now: () => 0,
    drawSeed: () => 1,
    turn: guard.shared,
    giveWay: nextEventTurn,
  });
  const inference = new InferenceService({
    models: { borrow: () => Promise.reject(new Error('a run was asked, not a model')) },
    live,
    generator,
    cache,
    together: () => 1,
    beat: () => undefined,
  });
  const step = (index: number): Promise<number> =>
    guard.exclusive(async () => {
      const { lossSum, targetTokens } = await training.accumulate(selfTestBatch(), index);
      await training.step({ targetTokens, learningRate: 0.05, weightDecay: 0, maxGradNorm: 1 });
      return lossSum;
    });
  const ask = async (onText: () => Promise<unknown> = () => Promise.resolve()): Promise<string> => {
    let text = '';
    for await (const event of inference.generate(request)) {
      if (event.type !== 'text') continue;
      text += event.text;
      await onText();
    }
    return text;
  };
  const close = async (): Promise<void> => {
    await live.withdraw('r');
    training.dispose();
    runtime.dispose();
  };
  return { runtime, training, reads, exports, step, ask, close };
}

/** Notes what leaves the device by name. */
function watchExports(training: TrainableModel, exports: string[]): TrainableModel {
  for (const name of ['exportWeights', 'exportState'] as const) {
    const before = training[name].bind(training);
    Object.defineProperty(training, name, {
      value: () => {
        exports.push(name);
        return before();
      },
    });
  }
  return training;
}

describe('chat with a run on plans', () => {
  it('before and after some steps: other words, and nothing was exported or loaded again', async () => {
    const bench = await liveBench();
    const loads = bench.reads.length;
    const before = await bench.ask();
    expect(await bench.ask()).toBe(before);
    for (let index = 0; index < STEPS; index += 1) await bench.step(index);
    const after = await bench.ask();
    expect(after).not.toBe(before);
    expect(after.split(' ')).toHaveLength(request.maxTokens + 1);
    expect(bench.reads).toHaveLength(loads);
    expect(bench.exports).toEqual([]);
    expect(bench.runtime.usedPages).toBe(0);
    await bench.close();
  });

  it('steps between the tokens of an answer: the losses are those of a run that nobody asked', async () => {
    const [quiet, asked] = [await liveBench(), await liveBench()];
    const expected: number[] = [];
    for (let index = 0; index < STEPS; index += 1) expected.push(await quiet.step(index));
    const losses: number[] = [];
    await asked.ask(async () => {
      if (losses.length < STEPS) losses.push(await asked.step(losses.length));
    });
    expect(losses).toEqual(expected);
    expect(new Set(losses).size).toBe(STEPS);
    const [first, other] = await Promise.all([quiet, asked].map(({ training }) => training.exportWeights()));
    expect(other).toEqual(first);
    // All steps are done: both say the same from here on.
    expect(await asked.ask()).toBe(await quiet.ask());
    await quiet.close();
    await asked.close();
  });
});
