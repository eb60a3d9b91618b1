// A decoder on the planned engine: its base weights on the GPU, and everything made from them. Sessions, trainings and
// adapters stand on the base without owning it; the runtime must outlive them.
import {
  WeightLayout,
  WeightStore,
  type BufferRange,
  type PlanDevice,
  type Storage,
  type Value,
} from '../../../engine/planned';
import { AppError } from '../../../lib/errors';
import type { LoraConfig } from '../../../protocol/models';
import type { FileArray, WeightReader } from '../../file-layout';
import type { DecodeSession } from '../../loaded-model';
import type { AdapterTensors, ModelRuntime } from '../../model-family';
import { ACTIVATION_BUDGET_BYTES } from '../../memory-budget';
import type { TrainableModel } from '../../trainable-model';
import type { FullTrainingOptions } from '../eager/full-training';
import type { DecoderConfig } from '../decoder-config';
import { adapterShapes, parameterCount } from '../decoder-names';
import { checkAdapterArray, checkContinues, initialLora } from '../lora-weights';
import { randomWeights } from '../random-weights';
import { Decoders } from './decoders';
import { DoraNorms, normValues, type NormValues } from './dora-norms';
import { frozenView, loraView, plainView } from './parameter-views';
import { PlannedTraining } from './planned-training';
import type { DecoderParameters } from './record-decoder';
import { TrainedWeights, type OpenNorms } from './trained-weights';
import { baseGroups, loraGroups } from './weight-groups';
import { loadBase, type LoadedBase } from './load-base';

class PlannedAdapter implements AdapterTensors {
  readonly lora: LoraConfig;
  readonly store: WeightStore;
  /** Of an adapter with magnitudes; empty and null for another. */
  readonly normValues: NormValues;
  #norms: DoraNorms | null = null;

  constructor(lora: LoraConfig, store: WeightStore, norms: NormValues) {
    this.lora = lora;
    this.store = store;
    this.normValues = norms;
  }

  /** Taken over. */
  follow(norms: DoraNorms): void {
    this.#norms = norms;
    norms.refresh();
  }

  /** null for values of others. */
  rangeOf(value: Value): BufferRange | null {
    if (this.store.layout.has(value)) return this.store.rangeOf(value);
    return this.#norms?.rangeOf(value) ?? null;
  }

  dispose(): void {
    this.#norms?.dispose();
    this.store.dispose();
  }
}

export class PlannedRuntime implements ModelRuntime {
  readonly #owner: PlanDevice;
  readonly #config: DecoderConfig;
  readonly #base: WeightStore;
  readonly storage: Storage;
  readonly storageErrors: ReadonlyMap<string, number>;
  readonly #activationBudgetBytes: number;
  readonly #decoders: Decoders;

  private constructor(
    owner: PlanDevice,
    config: DecoderConfig,
    { base, storage, errors }: LoadedBase,
    activationBudgetBytes: number,
  ) {
    this.#owner = owner;
    this.#config = config;
    this.#base = base;
    this.storage = storage;
    this.storageErrors = errors;
    this.#activationBudgetBytes = activationBudgetBytes;
    this.#decoders = new Decoders(owner, config, () => ({
      weights: frozenView(config, base.layout),
      rangeOf: (value) => this.#rangeOf(value),
    }));
  }

  /**
   * A few rows at a time go through host memory, where `read` gives rows.
   * @param storage of the projections; weights whose shape does not allow few bits stay f32.
   * @throws AppError `engine.out-of-memory`.
   */
  static async load(
    owner: PlanDevice,
    config: DecoderConfig,
    read: WeightReader,
    activationBudgetBytes: number,
    storage: Storage = 'f32',
  ): Promise<PlannedRuntime> {
    const base = await loadBase(owner, config, read, storage);
    return new PlannedRuntime(owner, config, base, activationBudgetBytes);
  }

  /** @throws AppError `training.invalid` where the base is in few bits. */
  async createFullTraining(): Promise<TrainableModel> {
    if (this.storage !== 'f32') {
      throw new AppError(
        'training.invalid',
        `The model is loaded in ${this.storage}; such weights cannot be trained.`,
        { details: { storage: this.storage }, remedy: 'Train a LoRA adapter, or load the model in f32.' },
      );
    }
    const training = await fullTraining(this.#owner, this.#config, this.#activationBudgetBytes);
    training.trained.values.copyFrom(this.#base);
    return training;
  }

  async createLoraTraining(
    lora: LoraConfig,
    seed: number,
    from: AdapterTensors | null,
  ): Promise<TrainableModel> {
    const start = from instanceof PlannedAdapter ? from : null;
    const shapes = adapterShapes(this.#config, lora);
    if (start !== null) checkContinues(shapes, [...start.store.layout.members.keys()], start.lora, lora);
    const layout = this.#loraLayout(lora, true);
    const base = frozenView(this.#config, this.#base.layout);
    const norms = normValues(this.#config, lora);
    const frozenAdapter = (key: string) => layout.frozen(key);
    const trained = await TrainedWeights.allocate(
      this.#owner,
      layout,
      this.#normsOf(norms, loraView(this.#config, base, lora, frozenAdapter, norms, null)),
    );
    if (start === null) {
      for (const [name, { data }] of initialLora(shapes, seed)) trained.values.write(name, data);
      trained.initialiseMagnitudes();
    } else {
      trained.values.copyFrom(start.store);
      trained.refresh();
    }
    const parameter = (key: string) => trained.parameter(key);
    return new PlannedTraining({
      owner: this.#owner,
      config: this.#config,
      trained,
      weights: (dropoutSeed) => ({
        training: loraView(this.#config, base, lora, parameter, norms, dropoutSeed),
        evaluation: loraView(this.#config, base, lora, parameter, norms, null),
      }),
      baseRangeOf: (value) => this.#rangeOf(value),
      modelParameters: parameterCount(this.#config) + layout.weights,
      activationBudgetBytes: this.#activationBudgetBytes,
    });
  }

  async createAdapter(lora: LoraConfig, arrays: ReadonlyMap<string, FileArray>): Promise<AdapterTensors> {
    for (const [name, shape] of adapterShapes(this.#config, lora)) {
      checkAdapterArray(name, shape, arrays.get(name));
    }
    const store = await WeightStore.allocate(this.#loraLayout(lora, false), this.#owner.memory, 'an adapter');
    for (const name of store.layout.members.keys()) store.write(name, (arrays.get(name) as FileArray).data);
    const adapter = new PlannedAdapter(lora, store, normValues(this.#config, lora));
    try {
      const norms = await this.#normsOf(
        adapter.normValues,
        this.#adapted(adapter),
      )?.((value) => adapter.rangeOf(value));
      if (norms !== undefined) adapter.follow(norms);
      return adapter;
    } catch (error) {
      adapter.dispose();
      throw error;
    }
  }

  /** Pages of keys and values that sessions have. */
  get usedPages(): number {
    return this.#decoders.usedPages;
  }

  createSession(adapter: AdapterTensors | null): DecodeSession {
    if (!(adapter instanceof PlannedAdapter)) return this.#decoders.baseSession();
    return this.#decoders.adapterSession(adapter, () => ({
      weights: this.#adapted(adapter),
      rangeOf: (value) => this.#rangeOf(value) ?? adapter.rangeOf(value),
    }));
  }

  createTrainingSession(training: TrainableModel): DecodeSession {
    if (!(training instanceof PlannedTraining)) {
      throw new AppError('internal', 'The training belongs to another model.');
    }
    // Averages may have come since the last session: these are another array.
    const { trained } = training;
    return this.#decoders.trainingSession(trained.averaged, () => ({
      weights: training.evaluationWeights,
      rangeOf: (value) => trained.rangeOf(value, trained.averaged) ?? this.#rangeOf(value),
    }));
  }

  dispose(): void {
    this.#decoders.dispose();
    this.#base.dispose();
  }

  /** null for an adapter without magnitudes. @param weights base and adapter. */
  #normsOf(values: NormValues, weights: DecoderParameters): OpenNorms | null {
    if (values.size === 0) return null;
    const [owner, config] = [this.#owner, this.#config];
    return (rangeOf) =>
      DoraNorms.open({
        owner,
        config,
        values,
        weights,
        rangeOf: (value) => rangeOf(value) ?? this.#rangeOf(value),
      });
  }

  #adapted({ lora, store, normValues: norms }: PlannedAdapter): DecoderParameters {
    const parameter = (key: string) => store.layout.frozen(key);
    return loraView(this.#config, frozenView(this.#config, this.#base.layout), lora, parameter, norms, null);
  }

  #loraLayout(lora: LoraConfig, learns: boolean): WeightLayout {
    return new WeightLayout(loraGroups(this.#config, lora), this.#owner.slabBytes, learns);
  }

  #rangeOf(value: Value): BufferRange | null {
    return this.#base.layout.has(value) ? this.#base.rangeOf(value) : null;
  }
}

async function fullTraining(
  owner: PlanDevice,
  config: DecoderConfig,
  activationBudgetBytes: number,
): Promise<PlannedTraining> {
  const trained = await TrainedWeights.allocate(
    owner,
    new WeightLayout(baseGroups(config), owner.slabBytes, true),
  );
  const view = plainView(config, (key) => trained.parameter(key));
  return new PlannedTraining({
    owner,
    config,
    trained,
    weights: () => ({ training: view, evaluation: view }),
    baseRangeOf: () => null,
    modelParameters: parameterCount(config),
    activationBudgetBytes,
  });
}

/** Pre-training: a new model with random weights. What it learnt comes out of `exportWeights`. */
export async function plannedPretraining(
  owner: PlanDevice,
  config: DecoderConfig,
  seed: number,
  { activationBudgetBytes }: FullTrainingOptions = { activationBudgetBytes: ACTIVATION_BUDGET_BYTES },
): Promise<PlannedTraining> {
  const training = await fullTraining(owner, config, activationBudgetBytes);
  for (const [name, { data }] of randomWeights(config, seed)) training.trained.values.write(name, data);
  return training;
}
