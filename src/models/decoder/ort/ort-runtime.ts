// A decoder without a GPU: chats run in onnxruntime, trainings on the eager engine. Each of the two has the weights in its
// own memory, from when it is first asked for them: whoever only chats holds them once. Adapters are merged for chats, so
// that an adapted token costs what a plain one does; what they change is held beside the base. Owns all of it.
import type { OrtEngine } from '../../../engine/ort/ort-engine';
import { AppError } from '../../../lib/errors';
import type { LoraConfig } from '../../../protocol/models';
import type { FileArray, WeightReader } from '../../file-layout';
import type { DecodeSession } from '../../loaded-model';
import { mergedReader } from '../../export/merged-reader';
import type { AdapterTensors, ModelRuntime } from '../../model-family';
import type { TrainableModel } from '../../trainable-model';
import { traitsOf, type DecoderConfig } from '../decoder-config';
import { adapterShapes } from '../decoder-names';
import { checkAdapterArray, loraA } from '../lora-weights';
import { OrtDecodeSession, type SessionWeights } from './ort-decode-session';
import { freeAll, OrtWeights, type OrtArrays } from './ort-weights';

const NO_CHANGE: OrtArrays = new Map();
/** onnxruntime rotates within its attention only heads of such sizes. */
const HEAD_STEP = 16;

/** Names of the weights that an adapter's arrays change. */
function adaptedWeights(arrays: ReadonlyMap<string, FileArray>): Set<string> {
  const suffix = loraA('');
  const paths = [...arrays.keys()].filter((name) => name.endsWith(suffix));
  return new Set(paths.map((name) => `${name.slice(0, -suffix.length)}.weight`));
}

/** An adapter as its file has it, and as each of the two runtimes wants it once it was asked. */
class OrtAdapter implements AdapterTensors {
  readonly lora: LoraConfig;
  readonly arrays: ReadonlyMap<string, FileArray>;
  readonly #engine: OrtEngine;
  #changed: Promise<OrtArrays> | null = null;
  #eager: Promise<AdapterTensors> | null = null;

  constructor(engine: OrtEngine, lora: LoraConfig, arrays: ReadonlyMap<string, FileArray>) {
    this.#engine = engine;
    this.lora = lora;
    this.arrays = arrays;
  }

  /** Weights of the base that it changes. */
  changed(weights: OrtWeights, read: WeightReader): Promise<OrtArrays> {
    this.#changed ??= weights
      .changed({ names: adaptedWeights(this.arrays), read: mergedReader(read, this) })
      .catch((error: unknown) => {
        this.#changed = null;
        throw error;
      });
    return this.#changed;
  }

  onEager(runtime: ModelRuntime): Promise<AdapterTensors> {
    return (this.#eager ??= runtime.createAdapter(this.lora, this.arrays));
  }

  dispose(): void {
    void this.#changed?.then(
      (arrays) => freeAll(this.#engine, arrays),
      () => undefined,
    );
    void this.#eager?.then(
      (adapter) => adapter.dispose(),
      () => undefined,
    );
    [this.#changed, this.#eager] = [null, null];
  }
}

export interface OrtRuntimeParts {
  engine: OrtEngine;
  config: DecoderConfig;
  /** By the decoder's names; asked as long as the runtime lives. */
  read: WeightReader;
  /** The eager engine's runtime with the same weights, for trainings. */
  loadEager: () => Promise<ModelRuntime>;
}

/** Whether the graph that onnxruntime is given says all that the decoder does. */
export function runsOnOrt(config: DecoderConfig): boolean {
  return traitsOf(config).positions === 'rotary' && config.headSize % HEAD_STEP === 0;
}

export class OrtRuntime implements ModelRuntime {
  readonly storage = 'f32';
  readonly storageErrors: ReadonlyMap<string, number> = new Map();
  readonly #parts: OrtRuntimeParts;
  #weights: Promise<OrtWeights> | null = null;
  #eager: Promise<ModelRuntime> | null = null;
  /** The same, once it is there. */
  #trainer: ModelRuntime | null = null;

  constructor(parts: OrtRuntimeParts) {
    this.#parts = parts;
  }

  createSession(adapter: AdapterTensors | null): DecodeSession {
    const { engine, config } = this.#parts;
    return new OrtDecodeSession(engine, config, () => this.#sessionWeights(adapter));
  }

  createTrainingSession(training: TrainableModel): DecodeSession {
    if (this.#trainer === null) {
      throw new AppError('internal', 'The training belongs to another model.');
    }
    return this.#trainer.createTrainingSession(training);
  }

  async createLoraTraining(
    lora: LoraConfig,
    seed: number,
    from: AdapterTensors | null,
  ): Promise<TrainableModel> {
    const eager = await this.#trainable();
    const start = from instanceof OrtAdapter ? await from.onEager(eager) : null;
    return eager.createLoraTraining(lora, seed, start);
  }

  async createFullTraining(): Promise<TrainableModel> {
    return (await this.#trainable()).createFullTraining();
  }

  async createAdapter(lora: LoraConfig, arrays: ReadonlyMap<string, FileArray>): Promise<AdapterTensors> {
    await Promise.resolve();
    const { engine, config } = this.#parts;
    const own = new Map<string, FileArray>();
    for (const [name, shape] of adapterShapes(config, lora)) {
      const array = arrays.get(name);
      checkAdapterArray(name, shape, array);
      own.set(name, array as FileArray);
    }
    return new OrtAdapter(engine, lora, own);
  }

  dispose(): void {
    for (const owned of [this.#weights, this.#eager]) {
      void owned?.then(
        (loaded) => loaded.dispose(),
        () => undefined,
      );
    }
    [this.#weights, this.#eager, this.#trainer] = [null, null, null];
  }

  async #sessionWeights(adapter: AdapterTensors | null): Promise<SessionWeights> {
    const { engine, config, read } = this.#parts;
    this.#weights ??= OrtWeights.load(engine, config, read).catch((error: unknown) => {
      this.#weights = null;
      throw error;
    });
    const weights = await this.#weights;
    const changed = adapter instanceof OrtAdapter ? await adapter.changed(weights, read) : NO_CHANGE;
    return { weights, changed };
  }

  async #trainable(): Promise<ModelRuntime> {
    this.#eager ??= this.#parts.loadEager().catch((error: unknown) => {
      this.#eager = null;
      throw error;
    });
    this.#trainer = await this.#eager;
    return this.#trainer;
  }
}
