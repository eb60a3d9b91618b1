// Training of a decoder on plans: one for each shape of batch, made when the first batch of that shape comes. Owns its
// weights and plans; a frozen base stays its model's.
import {
  chunkRows,
  compilePlan,
  externalValue,
  layoutArena,
  type Plan,
  Tape,
  type BufferRange,
  type PlanDevice,
  type Recording,
  type Value,
} from '../../../engine/planned';
import type { TokenBatch } from '../../../protocol/batches';
import type { LossSum, OptimizerStep, StateArrays, TrainableModel } from '../../trainable-model';
import { checkArray, isRequired } from '../../training-state';
import type { DecoderConfig } from '../decoder-config';
import { BatchBuffers } from './batch-buffers';
import { recordLoss, type BatchShape, type DecoderParameters } from './record-decoder';
import { RopeBuffers } from './rope-buffers';
import type { TrainedWeights } from './trained-weights';

/** Plans kept ready; a dataset in length buckets has a few shapes. */
const MAX_SHAPES = 16;
/** Stands where no mask is drawn. */
const NO_SEED = externalValue('no seed', [1]);
const STATE_PARTS = ['parameter', 'moment1', 'moment2', 'ema'] as const;

export interface PlannedTrainingParts {
  owner: PlanDevice;
  config: DecoderConfig;
  /** Taken over. */
  trained: TrainedWeights;
  /** Views over the trained weights and, where there is one, the frozen base. */
  weights: (dropoutSeed: Value) => { training: DecoderParameters; evaluation: DecoderParameters };
  /** Where values of the frozen base live; null for others. */
  baseRangeOf: (value: Value) => BufferRange | null;
  /** Weights of the model as a whole. */
  modelParameters: number;
  /** Above it, blocks are computed again on the way back instead of being kept. */
  activationBudgetBytes: number;
}

/** Everything for batches of one shape. */
interface ShapePlans {
  buffers: BatchBuffers;
  training: Plan | null;
  evaluation: Plan | null;
}

export class PlannedTraining implements TrainableModel {
  readonly #parts: PlannedTrainingParts;
  readonly #shapes = new Map<string, ShapePlans>();
  readonly #loss = externalValue('loss', [1]);
  #lossBuffer: GPUBuffer | null = null;
  #rope: RopeBuffers | null = null;
  #windowIsEmpty = true;

  constructor(parts: PlannedTrainingParts) {
    this.#parts = parts;
  }

  get parameters(): number {
    return this.#parts.modelParameters;
  }

  get trainableParameters(): number {
    return this.#parts.trained.layout.weights;
  }

  get appliedSteps(): number {
    return this.#parts.trained.appliedSteps;
  }

  /** Weights for sample generations: what `evaluate` uses. */
  get evaluationWeights(): DecoderParameters {
    return this.#parts.weights(NO_SEED).evaluation;
  }

  get trained(): TrainedWeights {
    return this.#parts.trained;
  }

  async accumulate(batch: TokenBatch, dropoutSeed: number): Promise<LossSum> {
    const shape = await this.#shape(batch);
    shape.training ??= await this.#compile(batch, shape.buffers, true);
    if (this.#windowIsEmpty) this.#parts.trained.clearGradients();
    this.#windowIsEmpty = false;
    return this.#run(shape.training, shape.buffers, batch, dropoutSeed);
  }

  async evaluate(batch: TokenBatch): Promise<LossSum> {
    const shape = await this.#shape(batch);
    shape.evaluation ??= await this.#compile(batch, shape.buffers, false);
    return this.#run(shape.evaluation, shape.buffers, batch, 0);
  }

  async step(step: OptimizerStep): Promise<{ gradNorm: number; applied: boolean }> {
    if (this.#windowIsEmpty) return { gradNorm: 0, applied: false };
    this.#windowIsEmpty = true;
    return this.#parts.trained.step(step);
  }

  discardGradients(): void {
    this.#windowIsEmpty = true;
  }

  async enableEma(decay: number): Promise<void> {
    await this.#parts.trained.enableEma(decay);
    for (const shape of this.#shapes.values()) {
      shape.evaluation?.dispose();
      shape.evaluation = null;
    }
  }

  async exportState(): Promise<{ appliedSteps: number; arrays: StateArrays }> {
    const { trained } = this.#parts;
    const arrays: StateArrays = new Map();
    for (const part of STATE_PARTS) {
      const store = trained.store(part);
      if (store === null || (part.startsWith('moment') && trained.appliedSteps === 0)) continue;
      for (const [name, { shape }] of trained.layout.members) {
        arrays.set(`${part}/${name}`, { shape: [...shape], data: await store.read(name) });
      }
    }
    return { appliedSteps: trained.appliedSteps, arrays };
  }

  // Async, so that a corrupt checkpoint is a rejection like any other.
  async importState({ appliedSteps, arrays }: { appliedSteps: number; arrays: StateArrays }): Promise<void> {
    const { trained } = this.#parts;
    const writes: (() => void)[] = [];
    for (const part of STATE_PARTS) {
      const store = trained.store(part);
      if (store === null) continue;
      for (const [name, { shape }] of trained.layout.members) {
        const key = `${part}/${name}`;
        const array = arrays.get(key);
        if (array === undefined && !isRequired(part, appliedSteps)) continue;
        const { data } = checkArray(key, array, shape);
        writes.push(() => store.write(name, data));
      }
    }
    for (const write of writes) write();
    trained.refresh();
    trained.appliedSteps = appliedSteps;
    await Promise.resolve();
  }

  async exportWeights(): Promise<StateArrays> {
    const { trained } = this.#parts;
    const arrays: StateArrays = new Map();
    for (const [name, { shape }] of trained.layout.members) {
      arrays.set(name, { shape: [...shape], data: await trained.averaged.read(name) });
    }
    return arrays;
  }

  dispose(): void {
    for (const key of [...this.#shapes.keys()]) this.#forget(key);
    this.#rope?.dispose();
    if (this.#lossBuffer !== null) this.#parts.owner.memory.free(this.#lossBuffer);
    this.#parts.trained.dispose();
  }

  async #run(plan: Plan, buffers: BatchBuffers, batch: TokenBatch, seed: number): Promise<LossSum> {
    const { config } = this.#parts;
    buffers.write(batch, seed);
    const chunks = Math.ceil(batch.targetTokens / chunkRows(batch.rows * batch.length, config.vocabSize));
    const [lossSum = NaN] = new Float32Array(await plan.runAndRead(this.#lossRange(), chunks));
    return { lossSum, targetTokens: batch.targetTokens };
  }

  #lossRange(): BufferRange {
    return { buffer: this.#lossBuffer as GPUBuffer, offset: 0, bytes: 4 };
  }

  /** Plans of the batch's shape; the one unused for longest goes when there are too many. */
  async #shape({ rows, length }: BatchShape): Promise<ShapePlans> {
    const key = `${rows}x${length}`;
    const known = this.#shapes.get(key);
    if (known !== undefined) {
      this.#shapes.delete(key);
      this.#shapes.set(key, known);
      return known;
    }
    const { owner, config } = this.#parts;
    this.#lossBuffer ??= await owner.memory.allocate(this.#loss.bytes, 'the loss');
    if (this.#rope === null || this.#rope.positions < length) {
      for (const other of [...this.#shapes.keys()]) this.#forget(other);
      this.#rope?.dispose();
      this.#rope = await RopeBuffers.allocate(owner, config, length);
    }
    const oldest = [...this.#shapes.keys()][0];
    if (this.#shapes.size >= MAX_SHAPES && oldest !== undefined) this.#forget(oldest);
    const shape: ShapePlans = {
      buffers: await BatchBuffers.allocate(owner, { rows, length }),
      training: null,
      evaluation: null,
    };
    this.#shapes.set(key, shape);
    return shape;
  }

  #forget(key: string): void {
    const shape = this.#shapes.get(key);
    shape?.training?.dispose();
    shape?.evaluation?.dispose();
    shape?.buffers.dispose();
    this.#shapes.delete(key);
  }

  async #compile({ rows, length }: BatchShape, buffers: BatchBuffers, gradients: boolean): Promise<Plan> {
    const { owner, config, trained, weights, baseRangeOf, activationBudgetBytes } = this.#parts;
    const rope = this.#rope as RopeBuffers;
    const views = weights(buffers.seed);
    const view = gradients ? views.training : views.evaluation;
    const record = (recompute: boolean): Recording => {
      const tape = new Tape(owner.recorder());
      const options = { recompute, gradients };
      recordLoss(tape, config, view, buffers.inputs, rope.tables, { rows, length }, this.#loss, options);
      return tape.recorder.finish();
    };
    const fitting = (): Recording => {
      const keeping = record(false);
      const fits = layoutArena(keeping, owner.slabBytes).bytes <= activationBudgetBytes;
      return fits ? keeping : record(true);
    };
    const store = gradients ? trained.values : trained.averaged;
    return compilePlan(owner, fitting, (value) => {
      const own = value === this.#loss ? this.#lossRange() : null;
      const range =
        own ??
        buffers.rangeOf(value) ??
        rope.rangeOf(value) ??
        trained.rangeOf(value, store) ??
        baseRangeOf(value);
      if (range === null) throw new Error(`${value.name} has no memory.`);
      return range;
    });
  }
}
