// Gates over many steps and under other circumstances than a developer's machine has.
import { describe, expect, it } from 'vitest';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { PagePool } from '../../src/engine/planned/page-pool';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { createPretraining } from '../../src/models/decoder/eager/full-training';
import { plannedPretraining } from '../../src/models/decoder/planned/planned-runtime';
import { runPlannedSelfTest } from '../../src/models/planned-self-test';
import { SELF_TEST_CONFIG, selfTestBatch } from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import { planDevice } from './planned-fixture';

const STEPS = 30;

async function losses(training: TrainableModel, steps: number): Promise<number[]> {
  const seen: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    const { lossSum, targetTokens } = await training.accumulate(selfTestBatch(), step);
    seen.push(lossSum / targetTokens);
    await training.step({ targetTokens, learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 });
  }
  return seen;
}

describe('planned engine, gates', () => {
  it('trajectory: 30 steps of AdamW stay with the eager engine', async () => {
    await new EngineDevice({ wasmPaths: wasmUrls, gpu: null }).select('wasm');
    const eager = createPretraining(SELF_TEST_CONFIG, 3);
    const planned = await plannedPretraining(await planDevice(), SELF_TEST_CONFIG, 3);
    const [expected, actual] = [await losses(eager, STEPS), await losses(planned, STEPS)];
    expect(expected.at(-1)).toBeLessThan(0.5 * (expected[0] ?? 0));
    expected.forEach((loss, step) => {
      expect(Math.abs((actual[step] ?? NaN) - loss), `step ${step + 1}`).toBeLessThan(1e-3);
    });
    eager.dispose();
    planned.dispose();
  });

  it('averages and state: another training that takes them over makes the same next step', async () => {
    const owner = await planDevice();
    const [first, second] = [
      await plannedPretraining(owner, SELF_TEST_CONFIG, 1),
      await plannedPretraining(owner, SELF_TEST_CONFIG, 2),
    ];
    for (const training of [first, second]) await training.enableEma(0.9);
    await losses(first, 3);
    await second.importState(await first.exportState());
    expect(await losses(second, 1)).toEqual(await losses(first, 1));
    expect(await second.exportState()).toEqual(await first.exportState());
    expect(await second.evaluate(selfTestBatch())).toEqual(await first.evaluate(selfTestBatch()));
    first.dispose();
    second.dispose();
  });

  it('a gradient that is not finite changes nothing', async () => {
    const training = await plannedPretraining(await planDevice(), SELF_TEST_CONFIG, 1);
    const before = await training.exportState();
    await training.accumulate(selfTestBatch(), 0);
    const step = { targetTokens: 0, learningRate: 0.1, weightDecay: 0.1, maxGradNorm: 1 };
    expect((await training.step(step)).applied).toBe(false);
    expect(await training.exportState()).toEqual(before);
    training.dispose();
  });

  it('bytes on the device: as many after 20 steps as after 2', async () => {
    const owner = await planDevice();
    const training = await plannedPretraining(owner, SELF_TEST_CONFIG, 1);
    await losses(training, 2);
    const { bytes } = owner.memory;
    await losses(training, 18);
    expect(owner.memory.bytes).toBe(bytes);
    training.dispose();
  });

  it('limits: a device with nothing above the least that WebGPU guarantees computes right', async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter?.requestDevice();
    if (device === undefined) throw new Error('There is no WebGPU adapter.');
    expect(device.limits.maxStorageBuffersPerShaderStage).toBe(8);
    expect(device.limits.maxComputeWorkgroupStorageSize).toBe(16384);
    expect(device.limits.maxStorageBufferBindingSize).toBe(128 * 1024 * 1024);
    expect(device.features.has('shader-f16')).toBe(false);
    const errors: string[] = [];
    device.onuncapturederror = ({ error }) => errors.push(error.message);
    // Both ways in which kernels that reduce over rows are written.
    for (const software of [true, false]) {
      const plans = new PlanDevice(device, { vendor: '', software });
      const { checks } = await runPlannedSelfTest(plans);
      expect(checks.filter(({ passed }) => !passed)).toEqual([]);
      plans.dispose();
    }
    expect(errors).toEqual([]);
    device.destroy();
  });

  it('PagePool: what pages hold stays when the pool grows', async () => {
    const { memory } = await planDevice();
    const { bytes } = memory;
    const pool = new PagePool(memory, { layers: 1, kvHeads: 1, headSize: 4 });
    const pages = await pool.take(16);
    const range = pool.rangeOf(pool.keys[0] as (typeof pool.keys)[number]);
    if (range === null) throw new Error('no memory');
    const content = Float32Array.from({ length: 16 * 128 }, (_, i) => i);
    memory.write(range, content);
    const { generation } = pool;
    const more = await pool.take(3);
    expect(new Set([...pages, ...more]).size).toBe(19);
    expect(pool.generation).toBeGreaterThan(generation);
    const moved = pool.rangeOf(pool.keys[0] as (typeof pool.keys)[number]);
    const kept = new Float32Array(
      await memory.read({ ...(moved as typeof range), bytes: content.byteLength }),
    );
    expect(kept).toEqual(content);
    pool.release(more);
    pool.dispose();
    memory.dispose();
    expect(memory.bytes).toBeLessThanOrEqual(bytes);
  });
});
