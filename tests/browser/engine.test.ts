import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { streamToFile } from '../../src/lib/storage/opfs-writer';
import { startEngine, tinyConfig } from './engine-fixture';

afterEach(() => vi.restoreAllMocks());

describe('engine on webgpu', () => {
  // Few steps: a GPU played by software takes seconds for each.
  test('device lost in a run with dropout: told, restarted, and resumed to the losses of an unstopped run', async () => {
    const requested = vi.spyOn(GPUAdapter.prototype, 'requestDevice');
    const { engine, bus, device, modelId, atStep, losses, rested, dispose } = await startEngine(
      'webgpu',
      new MemoryBlobStore(),
    );
    const codes: string[] = [];
    bus.on('error.occurred', ({ code }) => codes.push(code));
    const held: number[] = [];
    bus.on('training.step', () => held.push(device.memory().tensors));
    const lora = { rank: 2, alpha: 4, dropout: 0.25, targets: ['q' as const] };
    const config = tinyConfig({ modelId, lora, maxSteps: 3, checkpointInterval: 1 });
    const whole = await engine.startRun(config);
    await rested(whole.id);
    expect(new Set(held.slice(1)).size).toBe(1);

    const opened = (await requested.mock.results.at(-1)?.value) as GPUDevice;
    atStep(2, () => opened.destroy());
    const { id } = await engine.startRun(config);
    const lost = await rested(id);
    expect(lost.status).toBe('interrupted');
    expect(lost.note).toMatch(/graphics device was lost/);
    await engine.resumeRun(id);
    expect((await rested(id)).status).toBe('finished');
    expect(codes).toEqual(['engine.device-lost']);
    expect(requested.mock.results).toHaveLength(2);
    expect(device.describe().backend).toBe('webgpu');
    expect(await losses(id)).toEqual(await losses(whole.id));
    expect(new Set(await losses(whole.id)).size).toBe(3);
    await dispose();
    expect(device.memory().tensors).toBe(0);
  }, 120_000);
});

describe('engine on wasm', () => {
  test('tensors: as many after 50 steps as after 5, none after the end', async () => {
    const { engine, bus, device, modelId, rested, dispose } = await startEngine(
      'wasm',
      new MemoryBlobStore(),
    );
    const held: string[] = [];
    bus.on('training.step', () => held.push(JSON.stringify(device.memory())));
    const { id } = await engine.startRun(tinyConfig({ modelId, maxSteps: 50, checkpointInterval: 0 }));
    expect((await rested(id)).status).toBe('finished');
    expect(held).toHaveLength(50);
    expect(new Set(held.slice(4)).size).toBe(1);
    await dispose();
    expect(device.memory().tensors).toBe(0);
  });
});

describe('a full disk', () => {
  test('quota: the run pauses with the code, its checkpoint is whole, and with room it ends as if nothing was', async () => {
    let full = false;
    const blobs = await OpfsBlobStore.open(`quota-${crypto.randomUUID()}`, (file, content) =>
      full ? Promise.reject(new DOMException('full', 'QuotaExceededError')) : streamToFile(file, content),
    );
    const { engine, bus, modelId, atStep, losses, rested, dispose } = await startEngine('wasm', blobs);
    const codes: string[] = [];
    bus.on('error.occurred', ({ code }) => codes.push(code));
    const config = tinyConfig({ modelId, maxSteps: 6 });
    const whole = await engine.startRun(config);
    await rested(whole.id);
    atStep(3, () => (full = true));
    const { id } = await engine.startRun(config);
    const held = await rested(id);
    expect(held).toMatchObject({ status: 'paused', clock: { optimizerStep: 4 } });
    expect(held.note).toMatch(/No room left/);
    expect(codes).toEqual(['storage.quota']);
    expect((await engine.listCheckpoints(id)).map(({ step }) => step)).toEqual([2]);
    expect((await blobs.list(`checkpoints/${id}`)).length).toBe(2);
    full = false;
    await engine.resumeRun(id);
    expect((await rested(id)).status).toBe('finished');
    expect(await losses(id)).toEqual(await losses(whole.id));
    await dispose();
  });
});
