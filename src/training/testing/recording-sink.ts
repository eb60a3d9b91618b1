// A sink that keeps what it is told, for tests; hooks let a test act at a point of the run or make a write fail.
import type { EvaluationResult, StepMetrics, TrainingConfig } from '../../protocol/training';
import type { LoopSnapshot } from '../loop-state';
import type { TrainingSink } from '../training-loop';

export class RecordingSink implements TrainingSink {
  readonly metrics: StepMetrics[] = [];
  readonly evaluations: EvaluationResult[] = [];
  readonly checkpoints: LoopSnapshot[] = [];
  readonly epochs: number[] = [];
  readonly skips: { step: number; reason: string }[] = [];
  readonly events: string[] = [];
  onStep: (metrics: StepMetrics) => void = () => undefined;
  onCheckpoint: (snapshot: LoopSnapshot) => void = () => undefined;

  get losses(): (number | null)[] {
    return this.metrics.map((metrics) => metrics.loss);
  }

  step(metrics: StepMetrics): Promise<void> {
    this.metrics.push(metrics);
    this.events.push(`step ${metrics.step}`);
    this.onStep(metrics);
    return Promise.resolve();
  }

  epoch(epoch: number): void {
    this.epochs.push(epoch);
  }

  skipped(step: number, reason: string): void {
    this.skips.push({ step, reason });
  }

  evaluationStarted(step: number): void {
    this.events.push(`evaluating ${step}`);
  }

  evaluation(result: EvaluationResult): Promise<void> {
    this.evaluations.push(result);
    this.events.push(`evaluation ${result.step}`);
    return Promise.resolve();
  }

  async checkpoint(snapshot: LoopSnapshot): Promise<void> {
    await Promise.resolve();
    this.onCheckpoint(snapshot);
    this.checkpoints.push(structuredClone(snapshot));
    this.events.push(`checkpoint ${snapshot.loop.clock.optimizerStep}`);
  }
}

export function toyConfig(changes: Partial<TrainingConfig> = {}): TrainingConfig {
  return {
    name: 'toy',
    modelId: 'toy',
    startFromAdapterId: null,
    datasetId: 'line',
    method: 'lora',
    lora: { rank: 2, alpha: 4, dropout: 0, targets: ['q', 'v'] },
    epochs: 1,
    maxSteps: 12,
    batchSize: 1,
    gradientAccumulation: 2,
    sequenceLength: 16,
    packing: false,
    trainOn: 'all',
    evalShare: 0.1,
    learningRate: 0.1,
    schedule: 'cosine',
    warmupRatio: 0.1,
    weightDecay: 0.01,
    maxGradNorm: 1,
    emaDecay: null,
    evalInterval: 0,
    earlyStoppingPatience: null,
    checkpointInterval: 4,
    keepCheckpoints: 2,
    samplePrompts: [],
    seed: 7,
    ...changes,
  };
}
