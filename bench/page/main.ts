// The page that training benchmarks run in: our trainers and their peers side by side on the same weights and batches.
// `bench` on the window is what the suites call.
import * as tf from '@tensorflow/tfjs';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import type { BackendName, DeviceReport } from '../../src/protocol/engine';
import type { EngineName, TrainCase } from '../cases';
import { batchOf } from './batches';
import { dataBench } from './data';
import { decoderBench } from './decoders';
import { fallbackBench } from './fallback';
import { duplicatesBench } from './near-duplicates';
import type { GpuBytes } from './gpu-bytes';
import { kernelBench } from './kernels';
import { largeBench } from './large-model';
import { listingsBench } from './listings';
import { loadingBench } from './loading';
import { openTrainer, type Trainer } from './trainers';

export interface StepFigures {
  loss: number;
  milliseconds: number;
}

interface Open {
  trainer: Trainer;
  test: TrainCase;
  steps: number;
}

const device = new EngineDevice({
  wasmPaths: wasmUrls,
  gpu: navigator.gpu ?? null,
});
const opened = new Map<EngineName, Open>();

function openOf(engine: EngineName): Open {
  const open = opened.get(engine);
  if (open === undefined) throw new Error(`No ${engine} trainer is open.`);
  return open;
}

async function open(engine: EngineName, test: TrainCase): Promise<void> {
  opened.set(engine, { trainer: await openTrainer(device, engine, test), test, steps: 0 });
}

/** The next steps of an engine's training, each on the batch of its number. */
async function step(engine: EngineName, count: number): Promise<StepFigures[]> {
  const open = openOf(engine);
  const figures: StepFigures[] = [];
  for (let index = 0; index < count; index += 1) {
    const batch = batchOf(open.test, open.steps);
    const started = performance.now();
    const loss = await open.trainer.step(batch);
    figures.push({ loss, milliseconds: performance.now() - started });
    open.steps += 1;
  }
  return figures;
}

/**
 * Bytes of tensors at their highest within a step of the tape, as tfjs counts them, and the bytes of all buffers then. A
 * tape allocates while it records: nothing here waits for the GPU to compute the step, and no step can follow.
 */
async function tapePeak(): Promise<{ tensorBytes: number; bufferBytes: number }> {
  const { trainer, test, steps } = openOf('tfjs');
  const { peakBytes } = await tf.profile(() => {
    void trainer.step(batchOf(test, steps));
    return {};
  });
  return { tensorBytes: peakBytes, bufferBytes: trainer.bytes().peakBytes };
}

function close(engine: EngineName): void {
  openOf(engine).trainer.dispose();
  opened.delete(engine);
}

const bench = {
  ...kernelBench(device),
  ...decoderBench(device),
  ...largeBench(device),
  ...loadingBench(device),
  ...fallbackBench,
  ...duplicatesBench,
  ...listingsBench,
  ...dataBench(device),
  select: (backend: BackendName): Promise<DeviceReport> => device.select(backend),
  open,
  step,
  tapePeak,
  bytes: (engine: EngineName): GpuBytes => openOf(engine).trainer.bytes(),
  close,
};

declare global {
  // A `var`, because that is how TypeScript declares a property of globalThis.
  var bench: BenchPage;
}

export type BenchPage = typeof bench;

globalThis.bench = bench;
