// A model too large to bring along: random weights that are made some rows at a time while they are loaded, LoRA on a base
// in few bits, one step. What it takes is counted from the first buffer on.
import type { EngineDevice, PlanDevice } from '../../src/engine';
import type { RowRange, WeightReader } from '../../src/models/file-layout';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { ACTIVATION_BUDGET_BYTES } from '../../src/models/memory-budget';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { LargeCase } from '../cases';
import { batchOf } from './batches';
import { countBuffers, type GpuBytes } from './gpu-bytes';

export interface LargeStep {
  loss: number;
  milliseconds: number;
}

interface Open {
  test: LargeCase;
  runtime: PlannedRuntime;
  training: TrainableModel;
  bytes: () => GpuBytes;
}

/** Of initial weights: the deviation of uniform numbers within 0.035. */
const BOUND = 0.035;

/** Uniform numbers by xorshift: six hundred million of them take seconds. */
function fill(data: Float32Array, seed: number): Float32Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  for (let i = 0; i < data.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = BOUND * (state / 2 ** 31);
  }
  return data;
}

/** As a file would be read: only the rows that are asked for exist, and the next ones take their place. */
function randomReader({ config }: LargeCase): WeightReader {
  const shapes = weightShapes(config);
  let pieces = 0;
  let memory = new Float32Array(0);
  return (name, rows?: RowRange) => {
    const [all = 0, ...rest] = shapes.get(name) ?? [];
    const shape = [rows?.count ?? all, ...rest];
    const count = shape.reduce((size, n) => size * n, 1);
    if (memory.length < count) memory = new Float32Array(count);
    const data = memory.subarray(0, count);
    pieces += 1;
    // Norms of one leave the scale of what passes through them.
    if (rest.length === 0) data.fill(1);
    else fill(data, pieces);
    return Promise.resolve({ shape, data });
  };
}

function plansOf(device: EngineDevice): PlanDevice {
  if (device.plans === null) throw new Error('The planned engine runs on WebGPU only.');
  return device.plans;
}

export function largeBench(device: EngineDevice) {
  let open: Open | null = null;
  const opened = (): Open => {
    if (open === null) throw new Error('No large model is open.');
    return open;
  };
  return {
    /** @returns milliseconds. */
    async openLarge(test: LargeCase): Promise<number> {
      const plans = plansOf(device);
      const bytes = countBuffers(plans.device);
      const started = performance.now();
      const runtime = await PlannedRuntime.load(
        plans,
        test.config,
        randomReader(test),
        ACTIVATION_BUDGET_BYTES,
        test.storage,
      );
      const training = await runtime.createLoraTraining(test.lora, 1, null);
      open = { test, runtime, training, bytes };
      return performance.now() - started;
    },

    async stepLarge(): Promise<LargeStep> {
      const { test, training } = opened();
      const started = performance.now();
      const { lossSum, targetTokens } = await training.accumulate(batchOf(test, 0), 0);
      await training.step({ targetTokens, learningRate: 1e-4, weightDecay: 0, maxGradNorm: 1 });
      return { loss: lossSum / targetTokens, milliseconds: performance.now() - started };
    },

    largeBytes: (): GpuBytes => opened().bytes(),

    closeLarge(): void {
      const { training, runtime } = opened();
      training.dispose();
      runtime.dispose();
      open = null;
    },
  };
}
