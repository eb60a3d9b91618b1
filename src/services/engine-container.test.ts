import 'fake-indexeddb/auto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../core/database';
import { EventBus } from '../core/event-bus';
import { EngineDevice } from '../engine';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import { createModelFamilies, ModelFiles, runSelfTest } from '../models';
import type { BatchApi } from '../protocol/data';
import type { TokenBatch } from '../protocol/batches';
import type { GenerationEvent, GenerationRequest } from '../protocol/inference';
import type { ModelTarget } from '../protocol/models';
import { toyConfig } from '../training/testing/recording-sink';
import { NO_ENCODINGS } from './testing/no-encodings';
import { createEngineContainer, engineToken, trainingToken } from './engine-container';

/** The embedded model, from the folder that the site serves. */
function serveEmbeddedModel(): void {
  vi.stubGlobal('fetch', async (url: string) => {
    const content = await readFile(new URL(`../../public${url}`, import.meta.url)).catch(() => null);
    return content === null ? new Response(null, { status: 404 }) : new Response(new Uint8Array(content));
  });
}

function smallBatch(index: number): TokenBatch {
  const length = 12;
  const tokens = Int32Array.from({ length }, (_, i) => 20 + ((index + i * 3) % 30));
  return {
    rows: 1,
    length,
    tokens,
    labels: Int32Array.from({ length }, (_, i) => 20 + ((index + (i + 1) * 3) % 30)),
    positions: Int32Array.from({ length }, (_, i) => i),
    segments: new Int32Array(length),
    targetTokens: length,
  };
}

const batches: BatchApi = {
  openPlan: () =>
    Promise.resolve({
      planId: 'p',
      samples: 'all',
      summary: {
        trainSamples: 4,
        evalSamples: 1,
        trainTargetTokens: 48,
        evalTargetTokens: 12,
        batchesPerEpoch: 4,
        evalBatches: 1,
        truncatedSamples: 0,
        droppedSamples: {},
      },
    }),
  trainBatch: (_, index) => Promise.resolve(smallBatch(index % 4)),
  evalBatch: () => Promise.resolve(smallBatch(9)),
  evalPrompts: () => Promise.resolve([]),
  samplingMetrics: () => Promise.resolve({}),
  closePlan: () => Promise.resolve(),
};

async function createEngine() {
  serveEmbeddedModel();
  const database = await openDatabase(`engine-${crypto.randomUUID()}`);
  const blobs = new MemoryBlobStore();
  const bus = new EventBus();
  const device = new EngineDevice({ wasmPaths: null, gpu: null });
  await device.select('wasm');
  const backend = new ModelFiles({
    blobs,
    families: createModelFamilies(),
    plans: () => null,
    memoryLimitBytes: () => null,
  });
  const container = createEngineContainer({
    database,
    blobs,
    bus,
    device,
    backend,
    batches,
    encodings: NO_ENCODINGS,
    selfTest: ({ backend: name }) => runSelfTest(name),
    async *tuneKernels() {
      yield* await Promise.resolve([]);
    },
    beat: () => undefined,
    embeddedBaseUrl: '/models/chispa',
  });
  const losses = (runId: string) =>
    database
      .getAll('runMetrics', IDBKeyRange.bound([runId], [runId, []]))
      .then((rows) => rows.flatMap((row) => (row.kind === 'step' ? [row.loss] : [])));
  return {
    container,
    engine: container.get(engineToken),
    training: container.get(trainingToken),
    bus,
    device,
    losses,
  };
}

describe('the engine over the embedded model', () => {
  it(
    'pause and resume: the losses of an unstopped run, exactly; the adapter answers',
    { timeout: 120_000 },
    async () => {
      const { container, engine, training, bus, device, losses } = await createEngine();
      const { tensors } = device.memory();
      const config = toyConfig({
        modelId: 'chispa',
        maxSteps: 4,
        gradientAccumulation: 1,
        checkpointInterval: 0,
        emaDecay: 0.9,
        lora: { rank: 2, alpha: 4, dropout: 0.1, targets: ['q', 'v'] },
      });
      const whole = await engine.startRun(config);
      await training.settled();
      const stop = bus.on('training.step', ({ step }) => void (step === 2 && engine.pauseRun(second.id)));
      const second = await engine.startRun(config);
      await training.settled();
      stop();
      await engine.resumeRun(second.id);
      await training.settled();
      const run = await training.find(second.id);
      expect(run.status).toBe('finished');
      expect(await losses(second.id)).toEqual(await losses(whole.id));
      expect(run.evalLossLast).toBeLessThan(run.evalLossBefore ?? 0);
      const events = [];
      for await (const event of engine.generate(greedy({ modelId: 'chispa', adapterId: run.adapterId })))
        events.push(event);
      expect(events.at(-1)).toMatchObject({ type: 'finish' });
      await container.dispose();
      expect(device.memory().tensors).toBe(tensors);
    },
  );

  it(
    'chat with a run: answers with what it has learnt so far; nothing is left',
    { timeout: 120_000 },
    async () => {
      const { container, engine, training, bus, device } = await createEngine();
      const { tensors } = device.memory();
      const base = await textOf(engine.generate(greedy({ modelId: 'chispa', adapterId: null })));
      const steps = { maxSteps: 10_000, gradientAccumulation: 1, checkpointInterval: 0 };
      const { id } = await engine.startRun(
        toyConfig({ ...steps, modelId: 'chispa', schedule: 'constant', warmupRatio: 0 }),
      );
      const target = { modelId: 'chispa', adapterId: null, runId: id };
      await new Promise<void>((resolve) =>
        bus.on('training.step', ({ step }) => void (step >= 5 && resolve())),
      );
      expect(await textOf(engine.generate(greedy(target)))).not.toBe(base);
      expect(training.running).toBe(true);
      await engine.stopRun(id);
      await expect(textOf(engine.generate(greedy(target)))).rejects.toMatchObject({ code: 'run.unknown' });
      await container.dispose();
      expect(device.memory().tensors).toBe(tensors);
    },
  );
});

const greedy = (target: ModelTarget): GenerationRequest => ({
  target,
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
  maxTokens: 4,
  stop: [],
});

async function textOf(events: AsyncGenerator<GenerationEvent>): Promise<string> {
  let text = '';
  for await (const event of events) if (event.type === 'text') text += event.text;
  return text;
}
