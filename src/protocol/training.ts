// Training runs: what is asked for, what is reported, what is kept.
import type { DatasetMix, LeftDataset, ShareSummary } from './mix';
import type { LoraConfig, StorageError, WeightStorage } from './models';

export type TrainingMethod = 'lora' | 'full';
export type BuiltInSchedule = 'constant' | 'linear' | 'cosine';

/** Length of the queue of batches where a configuration names none. */
export const DEFAULT_PREFETCH = 4;

/** Every field is required unless it says what it is when absent; defaults live in core/config. */
export interface TrainingConfig {
  name: string;
  modelId: string;
  /** Adapter to go on from; null starts from the base. LoRA only. */
  startFromAdapterId: string | null;
  datasetId: string;
  /** Several datasets; absent: only `datasetId`, which is the first share. */
  mix?: DatasetMix;
  method: TrainingMethod;
  /** How the frozen base is kept on the device; absent is `f32`, which a full fine-tuning needs. */
  baseStorage?: WeightStorage;
  lora: LoraConfig;
  /** Passes over the training split. */
  epochs: number;
  /** Optimizer steps; when not null it wins over `epochs`. */
  maxSteps: number | null;
  batchSize: number;
  gradientAccumulation: number;
  /** Tokens. */
  sequenceLength: number;
  packing: boolean;
  trainOn: 'assistant' | 'all';
  evalShare: number;
  learningRate: number;
  /** A BuiltInSchedule, or one that a plugin brings (`engine.listSchedules`). */
  schedule: string;
  /** Share of the steps spent warming up, 0 to 1. */
  warmupRatio: number;
  weightDecay: number;
  /** Global-norm clipping; 0 switches it off. */
  maxGradNorm: number;
  /** Decay of the exponential moving average of the weights; null is off. */
  emaDecay: number | null;
  /** Optimizer steps between evaluations; 0 evaluates only before and after. */
  evalInterval: number;
  /** Evaluations without improvement before stopping; null is off. */
  earlyStoppingPatience: number | null;
  /** Optimizer steps between checkpoints; 0 keeps only the last one. */
  checkpointInterval: number;
  keepCheckpoints: number;
  /** Batches that are made ahead of their step; 0: none; absent is DEFAULT_PREFETCH. */
  prefetch?: number;
  /** Sample generations at each evaluation. */
  samplePrompts: string[];
  seed: number;
}

export type RunStatus = 'running' | 'paused' | 'interrupted' | 'finished' | 'stopped' | 'failed';

/** Where a run stands. Schedules count optimizer steps; batches are drawn by micro-step. */
export interface SampleClock {
  epoch: number;
  microStep: number;
  optimizerStep: number;
}

export interface StepMetrics {
  runId: string;
  /** Optimizer step, from 1. */
  step: number;
  totalSteps: number;
  /** Passes over the training split so far, with its fraction. */
  epoch: number;
  /** Mean over all target tokens of the accumulation window, nats. null: the step was skipped (non-finite loss). */
  loss: number | null;
  learningRate: number;
  /** Before clipping; null where the step was skipped. */
  gradNorm: number | null;
  tokensPerSecond: number;
  /** Bytes the engine holds (GPU or wasm heap tensors). */
  memoryBytes: number;
  /** Seconds of training so far, pauses left out. */
  elapsedSeconds: number;
  /** Seconds to go; null before it can be told. */
  remainingSeconds: number | null;
  /** Share of the step's time in which training waited for its batches, 0 to 1. Absent in runs of earlier versions. */
  dataWaitShare?: number;
}

export interface EvaluationResult {
  runId: string;
  /** Optimizer steps taken when it was made; 0 is before training. */
  step: number;
  /** Nats per target token. */
  loss: number;
  perplexity: number;
  targetTokens: number;
  /** True when this is the lowest loss of the run so far. */
  best: boolean;
  samples: GeneratedSample[];
}

export interface GeneratedSample {
  prompt: string;
  text: string;
}

export interface CheckpointRecord {
  id: string;
  runId: string;
  step: number;
  evalLoss: number | null;
  sizeBytes: number;
  /** Folder in the blob store. */
  folder: string;
  createdAt: number;
}

/** Data that could not be read in the middle of a run. */
export interface LostSource {
  code: string;
  message: string;
  remedy: string | null;
  /** Which dataset it is about, where that is known. */
  datasetId: string | null;
}

export interface RunRecord {
  id: string;
  config: TrainingConfig;
  status: RunStatus;
  clock: SampleClock;
  totalSteps: number;
  parameters: number;
  trainableParameters: number;
  backend: string;
  /** Of a base that is not kept in `f32`; absent otherwise. */
  baseError?: StorageError;
  /** Loss before training; null when there is no evaluation split. */
  evalLossBefore: number | null;
  evalLossBest: number | null;
  evalLossLast: number | null;
  lastMetrics: StepMetrics | null;
  /** LoRA: the adapter it made. */
  adapterId: string | null;
  /** Full fine-tuning: the model it made. */
  tunedModelId: string | null;
  /** Which samples its dataset had; a run goes on with no others. Absent in runs of earlier versions. */
  samples?: string;
  /** Datasets that it goes on without. */
  left?: LeftDataset[];
  /** Of a mix: what is drawn of each dataset. */
  shares?: ShareSummary[];
  /** The data that it paused for; null or absent otherwise. */
  lost?: LostSource | null;
  /** Figures about the batches that were drawn, by the names of the sampling metrics. */
  sampling?: Record<string, number>;
  /** Why it failed or stopped by itself; null otherwise. */
  note: string | null;
  createdAt: number;
  updatedAt: number;
}

/** One chart point per optimizer step, and one per evaluation, kept in the `runMetrics` store keyed [runId, kind, step]. */
export type RunMetricRow = ({ kind: 'step' } & StepMetrics) | ({ kind: 'evaluation' } & EvaluationResult);

/** Bytes by part; the parts add up to `totalBytes`. */
export interface MemoryEstimate {
  weightsBytes: number;
  adapterAndOptimizerBytes: number;
  activationsBytes: number;
  logitsBytes: number;
  totalBytes: number;
  /** What the adapter or the wasm heap allows; null when unknown. */
  limitBytes: number | null;
  fits: boolean;
}

export interface TrainingPlan {
  parameters: number;
  trainableParameters: number;
  memory: MemoryEstimate;
}
