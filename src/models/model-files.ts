// Models and adapters as files: inspecting what a user brings, loading what is installed, writing what was trained. It
// reads and writes through what it is given and owns nothing; a loaded model belongs to the caller.
import { readModelFile, readTokenizerFiles } from '../core/model-files';
import { AppError } from '../lib/errors';
import { readSafetensor, readSafetensorsHeader, writeSafetensors } from '../lib/formats/safetensors';
import type { BlobStore } from '../lib/storage/blob-store';
import { createChatTemplate } from '../lib/text/chat-template';
import { createTokenizer } from '../lib/text/hf-tokenizer';
import type { PlanDevice } from '../engine';
import type { AdapterRecord, LoraConfig, ModelRecord, NamedFile, WeightStorage } from '../protocol/models';
import type { TrainingConfig, TrainingPlan } from '../protocol/training';
import type { FileArray } from './file-layout';
import { FileModel } from './file-model';
import type { LoadedModel } from './loaded-model';
import { planTraining } from './memory-budget';
import { elementCount, type ModelFamilies, type ModelPlan } from './model-family';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, encodeAdapter, parseAdapterConfig, withoutPrefix } from './peft';
import type { StateArrays } from './trainable-model';
import { checkWeights, openWeights, storageType } from './weights-file';

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const TOKENIZER = 'tokenizer.json';

/** The part of a model's record that its files tell. */
export type ModelFacts = Pick<
  ModelRecord,
  'family' | 'parameters' | 'sizeBytes' | 'dtype' | 'contextLength' | 'license' | 'fingerprint'
>;

export interface ModelFilesParts {
  blobs: BlobStore;
  families: ModelFamilies;
  /** The planned engine where the device runs it. */
  plans: () => PlanDevice | null;
  /** Bytes the device allows; null when unknown. */
  memoryLimitBytes: () => number | null;
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
    const { blobs } = this.#parts;
    const read = async (name: string): Promise<Blob> =>
      required(name, await readModelFile(record, name, blobs));
    const { plan } = this.#parts.families.plan(await readJson(CONFIG, await read(CONFIG)));
    const tokenizerFiles = await readTokenizerFiles(record, blobs);
    const generation = await readModelFile(record, 'generation_config.json', blobs);
    const stopTokenIds = await stopTokens(plan, generation);
    const tokenizer = createTokenizer(tokenizerFiles);
    const chatTemplate = createChatTemplate(tokenizerFiles.tokenizerConfigJson);
    const runtime = await plan.load(
      plan.decoderReader(await openWeights(await read(WEIGHTS), plan.weightShapes())),
      this.#parts.plans(),
      storage,
    );
    const readAdapter = (adapter: AdapterRecord) => this.#readAdapter(adapter);
    return new FileModel({ record, plan, runtime, tokenizer, chatTemplate, stopTokenIds, readAdapter });
  }

  /** @throws AppError `model.unsupported`, `model.bad-header`, `model.truncated`. */
  async inspectModel(files: readonly NamedFile[]): Promise<ModelFacts> {
    const config = fileNamed(files, CONFIG);
    const weights = fileNamed(files, WEIGHTS);
    createTokenizer({ tokenizerJson: await fileNamed(files, TOKENIZER).text(), tokenizerConfigJson: '{}' });
    const { family, plan } = this.#parts.families.plan(await readJson(CONFIG, config));
    const header = await readSafetensorsHeader(weights);
    const shapes = plan.weightShapes();
    checkWeights(header, shapes);
    return {
      family: family.name,
      parameters: elementCount(shapes),
      sizeBytes: weights.size,
      dtype: storageType(header),
      contextLength: plan.contextLength,
      license: header.metadata['license'] ?? null,
      fingerprint: await sha256(weights),
    };
  }

  /** @throws AppError `adapter.bad-config`, `adapter.base-mismatch`, `model.bad-header`, `model.truncated`. */
  async inspectAdapter(files: readonly NamedFile[], base: ModelRecord): Promise<LoraConfig> {
    const lora = parseAdapterConfig(await fileNamed(files, ADAPTER_CONFIG).text());
    const header = await readSafetensorsHeader(fileNamed(files, ADAPTER_WEIGHTS));
    const bound = header.metadata['base_fingerprint'];
    if (bound !== undefined && bound !== base.fingerprint) {
      throw baseMismatch(base, 'it names the weights of another model');
    }
    const expected = (await this.#planOf(base)).adapterShapes(lora);
    const found = new Map([...header.tensors].map(([name, { shape }]) => [withoutPrefix(name), shape]));
    for (const [name, shape] of expected) {
      const has = found.get(name);
      if (has?.join() !== shape.join()) {
        throw baseMismatch(
          base,
          `${name} is ${has === undefined ? 'missing' : `[${has.join(', ')}]`}, expected [${shape.join(', ')}]`,
        );
      }
    }
    return lora;
  }

  /** An adapter in PEFT's layout. */
  encodeAdapter(weights: StateArrays, lora: LoraConfig, base: ModelRecord): Promise<NamedFile[]> {
    return Promise.resolve(encodeAdapter(weights, lora, base));
  }

  /** The weights file of a fully tuned model. */
  encodeModel(weights: StateArrays, _base: ModelRecord): Promise<NamedFile[]> {
    return Promise.resolve([{ name: WEIGHTS, blob: writeSafetensors(weights) }]);
  }

  /** Sizes by arithmetic, without loading. */
  async plan(config: TrainingConfig, base: ModelRecord): Promise<TrainingPlan> {
    return planTraining(
      await this.#planOf(base),
      config,
      this.#parts.memoryLimitBytes(),
      this.#parts.plans(),
    );
  }

  async #planOf(record: ModelRecord): Promise<ModelPlan> {
    const config = required(CONFIG, await readModelFile(record, CONFIG, this.#parts.blobs));
    return this.#parts.families.plan(await readJson(CONFIG, config)).plan;
  }

  async #readAdapter({ folder }: AdapterRecord): Promise<ReadonlyMap<string, FileArray>> {
    const file = required(ADAPTER_WEIGHTS, await this.#parts.blobs.read(`${folder}/${ADAPTER_WEIGHTS}`));
    const { tensors } = await readSafetensorsHeader(file);
    const arrays = new Map<string, FileArray>();
    for (const [name, entry] of tensors) arrays.set(withoutPrefix(name), await readSafetensor(file, entry));
    return arrays;
  }
}

function baseMismatch(base: ModelRecord, fact: string): AppError<'adapter.base-mismatch'> {
  return new AppError('adapter.base-mismatch', `The adapter does not belong to ${base.name}: ${fact}.`, {
    details: { baseModelId: base.id },
    remedy: 'Choose the model that the adapter was trained on.',
  });
}

function required(name: string, blob: Blob | null): Blob {
  if (blob !== null) return blob;
  throw new AppError('storage.missing', `${name} is not stored any more.`, {
    remedy: 'Delete the entry and import it again.',
  });
}

function fileNamed(files: readonly NamedFile[], name: string): Blob {
  const found = files.find((file) => file.name === name);
  if (found !== undefined) return found.blob;
  throw new AppError('model.unsupported', `There is no ${name} among the files.`, {
    details: { files: files.map((file) => file.name) },
    remedy: `Choose ${name} together with the other files of the model.`,
  });
}

async function readJson(name: string, blob: Blob): Promise<unknown> {
  try {
    return JSON.parse(await blob.text());
  } catch (cause) {
    throw new AppError('model.unsupported', `${name} is not JSON.`, {
      remedy: 'Download the file again from where it came.',
      cause,
    });
  }
}

/** Ids that end an answer, by config.json and generation_config.json together. */
async function stopTokens(plan: ModelPlan, generation: Blob | null): Promise<number[]> {
  const ids = new Set(plan.stopTokenIds);
  const json = generation === null ? null : await readJson('generation_config.json', generation);
  if (typeof json === 'object' && json !== null && 'eos_token_id' in json) {
    for (const id of [json.eos_token_id].flat()) if (typeof id === 'number') ids.add(id);
  }
  return [...ids];
}

async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
