// A model of a few thousand weights as the files a user would bring, and an engine over it in this very page.
import { openDatabase } from '../../src/core/database';
import { EventBus } from '../../src/core/event-bus';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { writeSafetensors } from '../../src/lib/formats/safetensors';
import type { BlobStore } from '../../src/lib/storage/blob-store';
import { byteTokenizerSource } from '../../src/lib/text/testing/byte-tokenizer';
import { createModelFamilies, ModelFiles, runSelfTest } from '../../src/models';
import { parseLlamaConfig } from '../../src/models/families/llama';
import { randomWeights } from '../../src/models/decoder/random-weights';
import type { TokenBatch } from '../../src/protocol/batches';
import type { BatchApi } from '../../src/protocol/data';
import type { BackendName } from '../../src/protocol/engine';
import type { NamedFile } from '../../src/protocol/models';
import type { TrainingConfig } from '../../src/protocol/training';
import { KernelTuning } from '../../src/services/kernel-tuning';
import { NO_ENCODINGS } from '../../src/services/testing/no-encodings';
import { createEngineContainer, engineToken, trainingToken } from '../../src/services/engine-container';

const MODEL = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 272,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 24,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

export function tinyModelFiles(): NamedFile[] {
  const { tokenizerJson, tokenizerConfigJson } = byteTokenizerSource();
  return [
    { name: 'config.json', blob: new Blob([JSON.stringify(MODEL)]) },
    { name: 'model.safetensors', blob: writeSafetensors(randomWeights(parseLlamaConfig(MODEL), 1)) },
    { name: 'tokenizer.json', blob: new Blob([tokenizerJson]) },
    { name: 'tokenizer_config.json', blob: new Blob([tokenizerConfigJson]) },
  ];
}

export function tinyConfig(changes: Partial<TrainingConfig>): TrainingConfig {
  return {
    name: 'tiny',
    modelId: '',
    startFromAdapterId: null,
    datasetId: 'any',
    method: 'lora',
    lora: { rank: 2, alpha: 4, dropout: 0.25, targets: ['q', 'v', 'down'] },
    epochs: 1,
    maxSteps: 4,
    batchSize: 1,
    gradientAccumulation: 1,
    sequenceLength: 16,
    packing: false,
    trainOn: 'all',
    evalShare: 0,
    learningRate: 0.02,
    schedule: 'constant',
    warmupRatio: 0,
    weightDecay: 0,
    maxGradNorm: 1,
    emaDecay: null,
    evalInterval: 0,
    earlyStoppingPatience: null,
    checkpointInterval: 2,
    keepCheckpoints: 2,
    samplePrompts: [],
    seed: 7,
    ...changes,
  };
}

function batchOf(index: number): TokenBatch {
  const length = 8;
  const tokens = Int32Array.from({ length }, (_, i) => 60 + ((index + i * 3) % 30));
  return {
    rows: 1,
    length,
    tokens,
    labels: tokens.map((token) => token + 1),
    positions: tokens.map((_, i) => i),
    segments: new Int32Array(length),
    targetTokens: length,
  };
}

const batches: BatchApi = {
  openPlan: () =>
    Promise.resolve({
      planId: 'plan',
      samples: 'all',
      summary: {
        trainSamples: 4,
        evalSamples: 0,
        trainTargetTokens: 32,
        evalTargetTokens: 0,
        batchesPerEpoch: 4,
        evalBatches: 0,
        truncatedSamples: 0,
        droppedSamples: {},
      },
    }),
  trainBatch: (_, index) => Promise.resolve(batchOf(index % 4)),
  evalBatch: () => Promise.resolve(batchOf(0)),
  evalPrompts: () => Promise.resolve([]),
  samplingMetrics: () => Promise.resolve({}),
  closePlan: () => Promise.resolve(),
};

/** The engine worker's services without the worker, on that backend, with the tiny model installed. */
export async function startEngine(backend: BackendName, blobs: BlobStore) {
  const database = await openDatabase(`engine-${crypto.randomUUID()}`);
  const bus = new EventBus();
  const device = new EngineDevice({
    wasmPaths: wasmUrls,
    gpu: navigator.gpu,
    onLost: ({ reason, message }) => void engine.recoverDevice(`${message} (${reason})`),
  });
  const files = new ModelFiles({
    blobs,
    families: createModelFamilies(),
    plans: () => device.plans,
    memoryLimitBytes: () => null,
  });
  const tuning = new KernelTuning(database);
  const container = createEngineContainer({
    database,
    blobs,
    bus,
    device,
    backend: files,
    batches,
    encodings: NO_ENCODINGS,
    selfTest: ({ backend: name }) => runSelfTest(name),
    async *tuneKernels(report, turn) {
      if (device.plans !== null) yield* tuning.run(device.plans, report, turn);
    },
    beat: () => undefined,
  });
  const engine = container.get(engineToken);
  const training = container.get(trainingToken);
  const report = await engine.selectBackend(backend);
  // It would fall back and prove nothing.
  if (report.backend !== backend) throw new Error(`${backend} did not start: ${report.reason}`);
  const { id: modelId } = await engine.importModel('Tiny', tinyModelFiles());
  const losses = async (runId: string): Promise<(number | null)[]> => {
    const rows = await database.getAll('runMetrics', IDBKeyRange.bound([runId], [runId, []]));
    return rows.flatMap((row) => (row.kind === 'step' ? [row.loss] : []));
  };
  const rested = async (runId: string) => {
    await training.settled();
    return training.find(runId);
  };
  /** Acts once, right after that step. */
  const atStep = (step: number, act: () => void): void => {
    const off = bus.on('training.step', (metrics) => {
      if (metrics.step !== step) return;
      off();
      act();
    });
  };
  const dispose = async (): Promise<void> => {
    await container.dispose();
    database.close();
  };
  return { engine, training, bus, device, modelId, losses, rested, atStep, dispose };
}
