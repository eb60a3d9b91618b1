// The page that training benchmarks run in: our trainer and its peer on the same shape, the same tokens, one after the
// other. `bench` on the window is what the suites call.
import * as tf from '@tensorflow/tfjs';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { Random } from '../../src/lib/random';
import { createPretraining } from '../../src/models/llama/full-training';
import type { LlamaConfig } from '../../src/models/llama/llama-config';
import { plannedPretraining } from '../../src/models/llama/planned/planned-runtime';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import type { BackendName, DeviceReport } from '../../src/protocol/engine';
import { TapeDecoder, type DecoderShape } from '../peers/tfjs-tape';

export interface TrainCase {
  shape: DecoderShape;
  rows: number;
  length: number;
  /** Steps that count, after one that does not. */
  steps: number;
}

export interface TrainFigures {
  tokensPerSecond: number;
  bytesAfterStep: number;
  losses: number[];
}

const LEARNING_RATE = 1e-3;

const device = new EngineDevice({
  wasmPaths: wasmUrls,
  gpu: navigator.gpu ?? null,
});

/** Sequences that count upwards by steps of their own: learnable, the same for everyone. */
function makeBatch({ shape, rows, length }: TrainCase): TokenBatch {
  const random = new Random(5);
  const count = rows * length;
  const starts = Array.from({ length: rows }, () => random.integer(shape.vocabSize));
  const at = (index: number, ahead: number) =>
    ((starts[Math.floor(index / length)] ?? 0) + (index % length) + ahead) % shape.vocabSize;
  return {
    rows,
    length,
    tokens: Int32Array.from({ length: count }, (_, index) => at(index, 0)),
    labels: Int32Array.from({ length: count }, (_, index) => at(index, 1)),
    positions: Int32Array.from({ length: count }, (_, index) => index % length),
    segments: new Int32Array(count),
    targetTokens: count,
  };
}

async function timed(test: TrainCase, step: () => Promise<number>): Promise<TrainFigures> {
  const losses = [await step()];
  const started = performance.now();
  for (let index = 0; index < test.steps; index += 1) {
    losses.push(await step());
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    tokensPerSecond: (test.rows * test.length * test.steps) / seconds,
    bytesAfterStep: tf.memory().numBytes,
    losses,
  };
}

const configOf = ({ shape, length }: TrainCase): LlamaConfig => ({
  vocabSize: shape.vocabSize,
  hiddenSize: shape.hiddenSize,
  layers: shape.layers,
  heads: shape.heads,
  kvHeads: shape.kvHeads,
  headSize: shape.headDim,
  intermediateSize: shape.ffnSize,
  contextLength: length,
  ropeTheta: 10_000,
  ropeScaling: null,
  rmsNormEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
});

/** Ours on either executor. */
async function trainModel(test: TrainCase, training: TrainableModel): Promise<TrainFigures> {
  const batch = makeBatch(test);
  const figures = await timed(test, async () => {
    const { lossSum, targetTokens } = await training.accumulate(batch, 0);
    await training.step({ targetTokens, learningRate: LEARNING_RATE, weightDecay: 0, maxGradNorm: 1 });
    return lossSum / targetTokens;
  });
  training.dispose();
  return figures;
}

const trainEager = (test: TrainCase): Promise<TrainFigures> =>
  trainModel(test, createPretraining(configOf(test), 1));

/** @throws Error where the backend is not WebGPU. */
async function trainPlanned(test: TrainCase): Promise<TrainFigures> {
  const { plans } = device;
  if (plans === null) throw new Error('The planned engine runs on WebGPU only.');
  const figures = await trainModel(test, await plannedPretraining(plans, configOf(test), 1));
  return { ...figures, bytesAfterStep: plans.memory.peakBytes };
}

async function trainTape(test: TrainCase): Promise<TrainFigures> {
  const decoder = new TapeDecoder(test.shape, LEARNING_RATE);
  const { rows, tokens, labels } = makeBatch(test);
  const figures = await timed(test, () => decoder.step(rows, tokens, labels));
  decoder.dispose();
  return figures;
}

const bench = {
  select: (backend: BackendName): Promise<DeviceReport> => device.select(backend),
  trainEager,
  trainPlanned,
  trainTape,
};

declare global {
  // A `var`, because that is how TypeScript declares a property of globalThis.
  var bench: BenchPage;
}

export type BenchPage = typeof bench;

globalThis.bench = bench;
