// One way to step and to weigh all trainers, ours and the peers. Whoever opens one disposes of it.
import { getWebGPUDevice, init } from '@jax-js/jax';
import * as tf from '@tensorflow/tfjs';
import type { EngineDevice } from '../../src/engine';
import type { FileArray } from '../../src/models/file-layout';
import { adapterShapes } from '../../src/models/decoder/decoder-names';
import { EagerRuntime } from '../../src/models/decoder/eager/eager-runtime';
import { initialLora } from '../../src/models/decoder/lora-weights';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { randomWeights } from '../../src/models/decoder/random-weights';
import { ACTIVATION_BUDGET_BYTES } from '../../src/models/memory-budget';
import type { ModelRuntime } from '../../src/models/model-family';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import { LEARNING_RATES, LORA, WEIGHTS_SEED, type EngineName, type Method, type TrainCase } from '../cases';
import { JaxDecoder } from '../peers/jax-decoder';
import type { Start } from '../peers/start';
import { TapeDecoder } from '../peers/tfjs-tape';
import { countBuffers, type GpuBytes } from './gpu-bytes';

export interface Trainer {
  /** One optimizer step. @returns the mean loss before it. */
  step(batch: TokenBatch): Promise<number>;
  /** Bytes it takes: now, and at their highest since it was opened. Right in a browser that opened no other. */
  bytes(): GpuBytes;
  dispose(): void;
}

function startOf({ config, method }: TrainCase): Start {
  const lora = { arrays: initialLora(adapterShapes(config, LORA), WEIGHTS_SEED) };
  return {
    config,
    weights: randomWeights(config, WEIGHTS_SEED),
    lora: method === 'lora' ? { ...lora, scale: LORA.alpha / LORA.rank } : null,
    learningRate: LEARNING_RATES[method],
  };
}

/** Gives a runtime its weights from a start. */
function reader({ weights }: Start): (name: string) => Promise<FileArray> {
  return (name) => {
    const array = weights.get(name);
    return array === undefined ? Promise.reject(new Error(`No ${name}.`)) : Promise.resolve(array);
  };
}

const trainingOf = (runtime: ModelRuntime, { method }: TrainCase): Promise<TrainableModel> =>
  method === 'full' ? runtime.createFullTraining() : runtime.createLoraTraining(LORA, WEIGHTS_SEED, null);

async function stepOf(training: TrainableModel, method: Method, batch: TokenBatch): Promise<number> {
  const { lossSum, targetTokens } = await training.accumulate(batch, 0);
  await training.step({ targetTokens, learningRate: LEARNING_RATES[method], weightDecay: 0, maxGradNorm: 0 });
  return lossSum / targetTokens;
}

async function openPlanned(device: EngineDevice, test: TrainCase): Promise<Trainer> {
  const { plans } = device;
  if (plans === null) throw new Error('The planned engine runs on WebGPU only.');
  const bytes = countBuffers(plans.device);
  const runtime = await PlannedRuntime.load(
    plans,
    test.config,
    reader(startOf(test)),
    ACTIVATION_BUDGET_BYTES,
  );
  const training = await trainingOf(runtime, test);
  // A full training has weights of its own.
  if (test.method === 'full') runtime.dispose();
  return {
    step: (batch) => stepOf(training, test.method, batch),
    bytes,
    dispose: () => {
      training.dispose();
      if (test.method === 'lora') runtime.dispose();
    },
  };
}

const tensorBytes = (): GpuBytes => ({ bytes: tf.memory().numBytes, peakBytes: tf.memory().numBytes });

async function openEager(test: TrainCase): Promise<Trainer> {
  const runtime = await EagerRuntime.load(test.config, reader(startOf(test)), ACTIVATION_BUDGET_BYTES);
  const training = await trainingOf(runtime, test);
  return {
    step: (batch) => stepOf(training, test.method, batch),
    bytes: tensorBytes,
    dispose: () => {
      training.dispose();
      runtime.dispose();
    },
  };
}

function openTape(device: EngineDevice, test: TrainCase): Trainer {
  const gpu = device.plans?.device;
  const bytes = gpu === undefined ? tensorBytes : countBuffers(gpu);
  const decoder = new TapeDecoder(startOf(test));
  return { step: (batch) => decoder.step(batch), bytes, dispose: () => decoder.dispose() };
}

async function openJax(test: TrainCase): Promise<Trainer> {
  await init('webgpu');
  const bytes = countBuffers(getWebGPUDevice());
  const decoder = await JaxDecoder.create(startOf(test));
  return { step: (batch) => decoder.step(batch), bytes, dispose: () => decoder.dispose() };
}

export function openTrainer(device: EngineDevice, engine: EngineName, test: TrainCase): Promise<Trainer> {
  switch (engine) {
    case 'planned':
      return openPlanned(device, test);
    case 'eager':
      return openEager(test);
    case 'tfjs':
      return Promise.resolve(openTape(device, test));
    case 'jaxjs':
      return openJax(test);
  }
}
