// A decoder on the backend: its base weights, and everything made from them. Sessions, trainings and adapters stand on the
// base without owning it; the runtime must outlive them.
import { columnNorms, dispose, keep, ParameterSet, share, type Tensor } from '../../../engine';
import { AppError } from '../../../lib/errors';
import type { LoraConfig } from '../../../protocol/models';
import { toEngine, type FileArray } from '../../file-layout';
import type { DecodeSession } from '../../loaded-model';
import type { AdapterTensors, ModelRuntime } from '../../model-family';
import type { TrainableModel } from '../../trainable-model';
import { AdaptedNorms } from './adapted-norms';
import type { DecoderWeights } from './decoder-weights';
import { fullTraining } from './full-training';
import type { DecoderConfig } from '../decoder-config';
import { EagerGraph } from './eager-graph';
import { adapterShapes, HEAD, parameterCount, weightShapes } from '../decoder-names';
import { EagerSession } from './eager-session';
import { EagerTraining } from './eager-training';
import { checkAdapterArray, checkContinues, initialLora, loraMagnitude, withLora } from '../lora-weights';

const MAGNITUDE = loraMagnitude('');

class EagerAdapter implements AdapterTensors {
  readonly lora: LoraConfig;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly norms = new AdaptedNorms();

  constructor(lora: LoraConfig, tensors: ReadonlyMap<string, Tensor>) {
    this.lora = lora;
    this.tensors = tensors;
  }

  dispose(): void {
    dispose([...this.tensors.values()]);
    this.norms.clear();
  }
}

function missing(name: string): AppError<'internal'> {
  return new AppError('internal', `The model has no weight ${name}.`);
}

export class EagerRuntime implements ModelRuntime {
  readonly storage = 'f32';
  readonly storageErrors: ReadonlyMap<string, number> = new Map();
  readonly #config: DecoderConfig;
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #activationBudgetBytes: number;
  readonly #base: DecoderWeights;

  /** @param tensors weights by name in the engine's layout; taken over. */
  private constructor(
    config: DecoderConfig,
    tensors: ReadonlyMap<string, Tensor>,
    activationBudgetBytes: number,
  ) {
    this.#config = config;
    this.#tensors = tensors;
    this.#activationBudgetBytes = activationBudgetBytes;
    const tensor = (name: string): Tensor => this.#tensor(name);
    this.#base = {
      tensor,
      linear: (path) => ({
        weight: tensor(`${path}.weight`),
        lora: null,
        bias: this.#tensors.get(`${path}.bias`) ?? null,
      }),
      head: () => (config.tiedHead ? null : tensor(HEAD)),
    };
  }

  static async load(
    config: DecoderConfig,
    read: (name: string) => Promise<FileArray>,
    activationBudgetBytes: number,
  ): Promise<EagerRuntime> {
    const tensors = new Map<string, Tensor>();
    try {
      for (const name of weightShapes(config).keys()) {
        tensors.set(name, keep(toEngine(name, await read(name))));
      }
    } catch (error) {
      dispose([...tensors.values()]);
      throw error;
    }
    return new EagerRuntime(config, tensors, activationBudgetBytes);
  }

  createSession(adapter: AdapterTensors | null): DecodeSession {
    const weights = this.#adapted(adapter);
    return new EagerSession(this.#config, () => weights);
  }

  createTrainingSession(training: TrainableModel): DecodeSession {
    if (!(training instanceof EagerTraining)) {
      throw new AppError('internal', 'The training belongs to a model of another family.');
    }
    return new EagerSession(this.#config, () => training.decodingWeights);
  }

  createFullTraining(): Promise<TrainableModel> {
    const options = { activationBudgetBytes: this.#activationBudgetBytes };
    return Promise.resolve(fullTraining(this.#config, (name) => share(this.#tensor(name)), options));
  }

  // Async, so that what does not fit is a rejection.
  async createLoraTraining(
    lora: LoraConfig,
    seed: number,
    from: AdapterTensors | null,
  ): Promise<TrainableModel> {
    await Promise.resolve();
    const shapes = adapterShapes(this.#config, lora);
    const start = from === null ? null : this.#continued(from, shapes, lora);
    const parameters = new ParameterSet();
    for (const [name, array] of initialLora(shapes, seed)) {
      parameters.add(name, start?.(name) ?? this.#initialMagnitude(name) ?? toEngine(name, array));
    }
    const norms = { current: new AdaptedNorms(), averaged: new AdaptedNorms() };
    const weights = (which: 'current' | 'averaged'): DecoderWeights => {
      const read = (name: string): Tensor =>
        which === 'current' ? parameters.value(name) : parameters.averaged(name);
      return withLora(this.#base, lora, (name) => (parameters.has(name) ? read(name) : null), norms[which]);
    };
    const onChange = (): void => {
      norms.current.clear();
      norms.averaged.clear();
    };
    return new EagerTraining({
      graph: new EagerGraph(this.#config, this.#activationBudgetBytes),
      parameters,
      weights,
      onChange,
      modelParameters: parameterCount(this.#config) + parameters.size,
      dropout: lora.dropout,
    });
  }

  async createAdapter(lora: LoraConfig, arrays: ReadonlyMap<string, FileArray>): Promise<AdapterTensors> {
    await Promise.resolve();
    const shapes = adapterShapes(this.#config, lora);
    for (const [name, shape] of shapes) checkAdapterArray(name, shape, arrays.get(name));
    const tensors = new Map<string, Tensor>();
    for (const name of shapes.keys()) tensors.set(name, keep(toEngine(name, arrays.get(name) as FileArray)));
    return new EagerAdapter(lora, tensors);
  }

  dispose(): void {
    dispose([...this.#tensors.values()]);
  }

  #tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw missing(name);
    return tensor;
  }

  #adapted(adapter: AdapterTensors | null): DecoderWeights {
    if (!(adapter instanceof EagerAdapter)) return this.#base;
    const { lora, tensors, norms } = adapter;
    return withLora(this.#base, lora, (name) => tensors.get(name) ?? null, norms);
  }

  /** Lengths of the base's rows: with B zero they change nothing. null for another array. */
  #initialMagnitude(name: string): Tensor | null {
    const path = name.endsWith(MAGNITUDE) ? name.slice(0, -MAGNITUDE.length) : null;
    if (path === null) return null;
    return columnNorms(this.#tensor(`${path}.weight`));
  }

  /** The matrices to go on from, shared: the training replaces them, the adapter keeps its own. */
  #continued(
    from: AdapterTensors,
    shapes: ReadonlyMap<string, number[]>,
    lora: LoraConfig,
  ): (name: string) => Tensor | null {
    if (!(from instanceof EagerAdapter)) return () => null;
    checkContinues(shapes, [...from.tensors.keys()], from.lora, lora);
    return (name) => {
      const tensor = from.tensors.get(name);
      return tensor === undefined ? null : share(tensor);
    };
  }
}
