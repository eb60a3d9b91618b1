// Models and adapters as files: inspecting what a user brings, loading what is installed, writing what was trained. It
// reads and writes through what it is given and owns nothing; a loaded model belongs to the caller.
import { readTokenizerFiles } from '../core/model-files';
import { AppError } from '../lib/errors';
import { readSafetensor, readSafetensorsHeader, writeSafetensors } from '../lib/formats/safetensors';
import type { BlobStore } from '../lib/storage/blob-store';
import { createChatTemplate } from '../lib/text/chat-template';
import { EmbeddingTokenizer } from '../lib/text/embedding-tokenizer';
import { createTokenizer } from '../lib/text/hf-tokenizer';
import type { PlanDevice } from '../engine';
import type { OrtEngine } from '../engine/ort/ort-engine';
import type { AdapterRecord, LoraConfig, ModelRecord, NamedFile, WeightStorage } from '../protocol/models';
import type { TrainingConfig, TrainingPlan } from '../protocol/training';
import type { DescribedGraph, ModelEstimate } from '../protocol/engine';
import { OrtRuntime, runsOnOrt } from './decoder/ort/ort-runtime';
import { estimateModel } from './estimate-model';
import type { FileArray, WeightReader } from './file-layout';
import { FileModel } from './file-model';
import { estimateDescribed, estimateGraph } from './onnx/estimate-graph';
import { graphOnly } from './onnx/graph-model';
import { loadEmbedder, loadPictureEncoder, loadGraph, type OpenGraph } from './onnx/load-graph';
import type { LoadedEmbedder, LoadedPictureEncoder } from './loaded-embedder';
import type { LoadedModel } from './loaded-model';
import { planTraining } from './memory-budget';
import type { ModelFamilies, ModelFamily, ModelPlan, ModelRuntime } from './model-family';
import {
  ADAPTER_WEIGHTS,
  encodeAdapter,
  inspectAdapter,
  withoutPrefix,
  type AdapterInspection,
} from './peft';
import { inspectModel, type ModelInspection } from './reading/inspect-model';
import { readJson, sourceOfRecord } from './reading/model-source';
import { openModel } from './reading/open-model';
import { CONFIG, GENERATION_CONFIG, WEIGHTS } from './reading/weight-files';
import type { StateArrays } from './trainable-model';

export interface ModelFilesParts {
  blobs: BlobStore;
  families: ModelFamilies;
  /** The planned engine where the device runs it. */
  plans: () => PlanDevice | null;
  /** onnxruntime, where chats run on it; absent or null where they run with what trains. */
  chats?: () => OrtEngine | null;
  /** Opens ONNX graphs in onnxruntime; absent where they are not run. */
  graphs?: OpenGraph;
  /** Bytes the device allows, or the user said; null when unknown. */
  memoryLimitBytes: () => number | null | Promise<number | null>;
  /** Largest array of the eager engine; absent or null where only the memory counts. */
  arrayLimitBytes?: () => number | null;
}

export class ModelFiles {
  readonly #parts: ModelFilesParts;

  constructor(parts: ModelFilesParts) {
    this.#parts = parts;
  }

  /**
   * Reads the installed files and puts the weights on the backend.
   * @param storage what the matrices are kept in.
   * @throws AppError `model.unsupported`, `model.bad-header`, `model.truncated`, `storage.missing`.
   */
  async load(record: ModelRecord, storage: WeightStorage = 'f32'): Promise<LoadedModel> {
    const { blobs, families } = this.#parts;
    const source = sourceOfRecord(record, blobs);
    if (record.task === 'embedding' || record.task === 'vision') throw notAChat(record);
    const opened = await openModel(source, families, record.format ?? 'safetensors');
    const tokenizerFiles = await readTokenizerFiles(record, blobs);
    const tokenizer = createTokenizer(tokenizerFiles);
    const chatTemplate = createChatTemplate(tokenizerFiles.tokenizerConfigJson);
    const known = opened.format === 'onnx' ? opened : opened.plan;
    const stopTokenIds = await stopTokens(known.stopTokenIds, await source.find(GENERATION_CONFIG));
    if (opened.format === 'onnx') {
      if (storage !== 'f32') throw graphOnly(record.name, 'it is kept as its file has it');
      if (opened.task !== 'chat') throw notAChat(record);
      return loadGraph(opened, { record, tokenizer, chatTemplate, stopTokenIds }, this.#parts.graphs);
    }
    const { plan, read } = opened;
    const runtime = await this.#runtimeOf(plan, read, storage);
    const readAdapter = (adapter: AdapterRecord) => this.#readAdapter(adapter);
    return new FileModel({ record, plan, runtime, tokenizer, chatTemplate, stopTokenIds, readAdapter });
  }

  /** @throws AppError `model.unsupported` for a model that makes no vectors, and as `load`. */
  async loadEmbedder(record: ModelRecord): Promise<LoadedEmbedder> {
    const { blobs, families, graphs } = this.#parts;
    const opened = await openModel(sourceOfRecord(record, blobs), families, record.format ?? 'safetensors');
    if (opened.format !== 'onnx' || opened.task !== 'embedding') throw notAnEmbedder(record);
    const tokenizer = new EmbeddingTokenizer(await readTokenizerFiles(record, blobs));
    return loadEmbedder(opened, { record, tokenizer }, graphs);
  }

  /** @throws AppError `model.unsupported` for a model that makes no vectors of pictures, and as `load`. */
  async loadPictureEncoder(record: ModelRecord): Promise<LoadedPictureEncoder> {
    const { blobs, families, graphs } = this.#parts;
    const opened = await openModel(sourceOfRecord(record, blobs), families, record.format ?? 'safetensors');
    if (opened.format !== 'onnx' || opened.task !== 'vision') throw notAVision(record);
    return loadPictureEncoder(opened, record, graphs);
  }

  /** @throws AppError `model.unsupported`, `model.bad-header`, `model.truncated`. */
  inspectModel(files: readonly NamedFile[]): Promise<ModelInspection> {
    return inspectModel(files, this.#parts.families);
  }

  /** @throws AppError `adapter.bad-config`, `adapter.base-mismatch`, `model.bad-header`, `model.truncated`. */
  async inspectAdapter(files: readonly NamedFile[], base: ModelRecord): Promise<AdapterInspection> {
    return inspectAdapter(files, base, await this.#familyOf(base));
  }

  /** An adapter in PEFT's layout. */
  encodeAdapter(weights: StateArrays, lora: LoraConfig, base: ModelRecord): Promise<NamedFile[]> {
    return Promise.resolve(encodeAdapter(weights, lora, base));
  }

  /** The weights file of a fully tuned model, under the names of its family. */
  async encodeModel(weights: StateArrays, base: ModelRecord): Promise<NamedFile[]> {
    const plan = await this.#planOf(base);
    const read = plan.fileReader((name) => Promise.resolve(trained(weights, name)));
    const arrays = new Map<string, FileArray>();
    for (const name of plan.weightShapes().keys()) arrays.set(name, await read(name));
    return [{ name: WEIGHTS, blob: writeSafetensors(arrays) }];
  }

  architectures(): string[] {
    return this.#parts.families.architectures;
  }

  /**
   * @param model installed, or the text of its config.json, for an ONNX model with the bytes of its files.
   * @throws AppError `model.unsupported`.
   */
  async estimate(model: ModelRecord | DescribedGraph | string): Promise<ModelEstimate> {
    const { families, memoryLimitBytes, arrayLimitBytes, plans } = this.#parts;
    const limitBytes = await memoryLimitBytes();
    if (typeof model !== 'string' && 'graphBytes' in model) return estimateDescribed(model, limitBytes);
    if (typeof model !== 'string' && model.format === 'onnx') {
      const opened = await openModel(sourceOfRecord(model, this.#parts.blobs), families, 'onnx');
      if (opened.format === 'onnx') return estimateGraph(opened, limitBytes);
    }
    const plan =
      typeof model === 'string'
        ? families.plan(await readJson(CONFIG, new Blob([model]))).plan
        : await this.#planOf(model);
    const device = plans();
    const arrayBytes = device?.slabBytes ?? arrayLimitBytes?.() ?? null;
    return estimateModel(plan, { limitBytes, arrayBytes }, device);
  }

  /** Sizes by arithmetic, without loading. */
  async plan(config: TrainingConfig, base: ModelRecord): Promise<TrainingPlan> {
    const { memoryLimitBytes, plans } = this.#parts;
    return planTraining(await this.#planOf(base), config, await memoryLimitBytes(), plans());
  }

  /** Without plans chats run in onnxruntime, if it knows all that the decoder does. */
  async #runtimeOf(plan: ModelPlan, read: WeightReader, storage: WeightStorage): Promise<ModelRuntime> {
    const plans = this.#parts.plans();
    const engine = this.#parts.chats?.() ?? null;
    const { decoder: config } = plan;
    if (plans !== null || engine === null || storage !== 'f32' || !runsOnOrt(config)) {
      return plan.load(read, plans, storage);
    }
    return new OrtRuntime({ engine, config, read, loadEager: () => plan.load(read, null) });
  }

  /** @throws AppError `model.unsupported` for an ONNX model: whoever asks would train it. */
  async #planOf(record: ModelRecord): Promise<ModelPlan> {
    return (await this.#familyOf(record)).plan;
  }

  async #familyOf(record: ModelRecord): Promise<{ family: ModelFamily; plan: ModelPlan }> {
    if (record.format === 'onnx') throw graphOnly(record.name, 'it cannot be trained');
    const source = sourceOfRecord(record, this.#parts.blobs);
    return this.#parts.families.plan(await readJson(CONFIG, await source.need(CONFIG)));
  }

  async #readAdapter({ folder }: AdapterRecord): Promise<ReadonlyMap<string, FileArray>> {
    const file = required(ADAPTER_WEIGHTS, await this.#parts.blobs.read(`${folder}/${ADAPTER_WEIGHTS}`));
    const { tensors } = await readSafetensorsHeader(file);
    const arrays = new Map<string, FileArray>();
    for (const [name, entry] of tensors) arrays.set(withoutPrefix(name), await readSafetensor(file, entry));
    return arrays;
  }
}

function notAChat({ id, name }: ModelRecord): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${name} turns texts into vectors: it writes none.`, {
    details: { modelId: id },
    remedy: 'Choose a model for chats.',
  });
}

function notAnEmbedder({ id, name }: ModelRecord): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${name} writes text: it makes no vectors of texts.`, {
    details: { modelId: id },
    remedy: 'Import a sentence-embedding model as ONNX and choose that.',
  });
}

function notAVision({ id, name }: ModelRecord): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${name} makes no vectors of pictures.`, {
    details: { modelId: id },
    remedy: 'Import a vision encoder as ONNX, with its preprocessor_config.json, and choose that.',
  });
}

function required(name: string, blob: Blob | null): Blob {
  if (blob !== null) return blob;
  throw new AppError('storage.missing', `${name} is not stored any more.`, {
    remedy: 'Delete the entry and import it again.',
  });
}

function trained(weights: StateArrays, name: string): FileArray {
  const array = weights.get(name);
  if (array === undefined) throw new AppError('internal', `The training has no ${name}.`);
  return array;
}

/** Ids that end an answer, by config.json and generation_config.json together. */
async function stopTokens(known: readonly number[], generation: Blob | null): Promise<number[]> {
  const ids = new Set(known);
  const json = generation === null ? null : await readJson(GENERATION_CONFIG, generation);
  if (typeof json === 'object' && json !== null && 'eos_token_id' in json) {
    for (const id of [json.eos_token_id].flat()) if (typeof id === 'number') ids.add(id);
  }
  return [...ids];
}
