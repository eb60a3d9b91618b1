// A family of models: how its config.json reads and what its weights are, before loading (a plan), and the model on the
// backend (a runtime). Another family is one file that exports a ModelFamily, and one line in families/index.ts.
import type { PlanDevice } from '../engine';
import { AppError } from '../lib/errors';
import type { LoraConfig, ModelFamily as FamilyName, WeightStorage } from '../protocol/models';
import type { TrainingConfig } from '../protocol/training';
import type { DecoderConfig } from './decoder/decoder-config';
import type { AdapterModule } from './decoder/adapter-modules';
import type { GgufForm } from './decoder/gguf/gguf-form';
import type { FileArray, WeightReader } from './file-layout';
import type { DecodeSession } from './loaded-model';
import type { TrainableModel } from './trainable-model';

/** Bytes of a micro-batch's forward and backward pass. */
export interface ActivationBytes {
  activationsBytes: number;
  logitsBytes: number;
}

/** The weights of a model as the planned engine keeps them. */
export interface PlannedWeights {
  bytes: number;
  /** The array that takes most, after those that can be cut were cut. */
  largest: { name: string; bytes: number };
  /** Matrices in several pieces. */
  cutMatrices: number;
}

/** An adapter's matrices on the backend. */
export interface AdapterTensors {
  readonly lora: LoraConfig;
  dispose(): void;
}

export interface ModelRuntime {
  readonly storage: WeightStorage;
  /** Root mean square of what keeping a weight in few bits changed, over that of the weight, by name; empty for `f32`. */
  readonly storageErrors: ReadonlyMap<string, number>;
  createSession(adapter: AdapterTensors | null): DecodeSession;
  /** @throws AppError `internal` for a training of another model. */
  createTrainingSession(training: TrainableModel): DecodeSession;
  createLoraTraining(lora: LoraConfig, seed: number, from: AdapterTensors | null): Promise<TrainableModel>;
  createFullTraining(): Promise<TrainableModel>;
  /** @param arrays LoRA matrices by name, without PEFT's prefix. @throws AppError `adapter.base-mismatch`. */
  createAdapter(lora: LoraConfig, arrays: ReadonlyMap<string, FileArray>): Promise<AdapterTensors>;
  dispose(): void;
}

export interface ModelPlan {
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly stopTokenIds: readonly number[];
  /** The model as every family is brought to it: what engines, GGUF and ONNX are written against. */
  readonly decoder: DecoderConfig;
  /** Every weight by its name in the family's safetensors files, with its shape there. */
  weightShapes(): Map<string, number[]>;
  /** Weights by the decoder's names (`decoder-names`), out of the family's safetensors files. */
  decoderReader(files: WeightReader): WeightReader;
  /** The other way: weights by the names and in the shapes of the family's files. */
  fileReader(decoder: WeightReader): WeightReader;
  /** An adapter's arrays by name, without PEFT's prefix: A [rank, in], B [out, rank], with DoRA magnitudes [out]. */
  adapterShapes(lora: Pick<LoraConfig, 'rank' | 'targets' | 'useDora'>): Map<string, number[]>;
  /** Matrices of the family's files that have projections in them: what PEFT knows as modules. */
  adapterModules(): AdapterModule[];
  plannedWeights(storage: WeightStorage, plans: Pick<PlanDevice, 'slabBytes'>): PlannedWeights;
  /** On the eager engine. */
  activationBytes(tokens: number, sequenceLength: number): ActivationBytes;
  /**
   * On the planned engine, from the step itself.
   * @throws AppError `engine.out-of-memory` where an array of the step is larger than the device can bind.
   */
  plannedActivationBytes(config: TrainingConfig, plans: PlanDevice): ActivationBytes;
  /**
   * Puts the weights on the device, one array or some rows of it at a time.
   * @param read by the decoder's names.
   * @param plans runs on the planned engine; null on the eager one.
   * @throws AppError `model.unsupported` for few bits on the eager engine.
   */
  load(read: WeightReader, plans: PlanDevice | null, storage?: WeightStorage): Promise<ModelRuntime>;
}

export interface ModelFamily {
  readonly name: FamilyName;
  /** Values of `architectures` in config.json. */
  readonly architectures: readonly string[];
  /** How its models stand in GGUF. */
  readonly gguf: GgufForm;
  /** @throws AppError `model.unsupported` naming the path of the value that does not fit. */
  plan(configJson: unknown): ModelPlan;
}

export function elementCount(shapes: ReadonlyMap<string, number[]>): number {
  let count = 0;
  for (const shape of shapes.values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}

/** Families by architecture; plugins may add to it. */
export class ModelFamilies {
  readonly #families: ModelFamily[];

  constructor(families: readonly ModelFamily[]) {
    this.#families = [...families];
  }

  /** @returns takes it back. */
  register(family: ModelFamily): () => void {
    this.#families.unshift(family);
    return () => void this.#families.splice(this.#families.indexOf(family), 1);
  }

  get architectures(): string[] {
    return this.#families.flatMap(({ architectures }) => architectures);
  }

  get ggufForms(): GgufForm[] {
    return this.#families.map(({ gguf }) => gguf);
  }

  /** @throws AppError `model.unsupported` listing what is supported. */
  plan(configJson: unknown): { family: ModelFamily; plan: ModelPlan } {
    const named = architectureOf(configJson);
    const family = this.#families.find(
      ({ architectures }) => named !== null && architectures.includes(named),
    );
    if (family === undefined) {
      throw new AppError(
        'model.unsupported',
        `The architecture ${named ?? '(none named)'} is not supported; supported: ${this.architectures.join(', ')}.`,
        {
          details: { architecture: named, supported: this.architectures },
          remedy: 'Choose a model of one of these architectures.',
        },
      );
    }
    return { family, plan: family.plan(configJson) };
  }
}

function architectureOf(configJson: unknown): string | null {
  if (typeof configJson !== 'object' || configJson === null || !('architectures' in configJson)) return null;
  const { architectures } = configJson;
  const first: unknown = Array.isArray(architectures) ? architectures[0] : null;
  return typeof first === 'string' ? first : null;
}
