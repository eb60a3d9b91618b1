// The chart points of one run as columns, in the order of steps. Plain memory: RunsState fills it from the database and
// from live events. A run resumed from a checkpoint repeats steps; the newer values replace the older ones.
import type { EvaluationResult, RunMetricRow, StepMetrics } from '../../protocol/training';

type StepPoint = Pick<
  StepMetrics,
  'step' | 'loss' | 'learningRate' | 'gradNorm' | 'tokensPerSecond' | 'memoryBytes'
>;

export class RunSeries {
  readonly steps: number[] = [];
  readonly loss: (number | null)[] = [];
  readonly learningRate: number[] = [];
  readonly gradNorm: (number | null)[] = [];
  readonly tokensPerSecond: number[] = [];
  readonly memoryBytes: number[] = [];
  evaluations: EvaluationResult[] = [];

  push(metrics: StepMetrics): void {
    this.#cutFrom(metrics.step);
    this.#pushColumns(metrics);
  }

  #pushColumns(metrics: StepPoint): void {
    this.steps.push(metrics.step);
    this.loss.push(metrics.loss);
    this.learningRate.push(metrics.learningRate);
    this.gradNorm.push(metrics.gradNorm);
    this.tokensPerSecond.push(metrics.tokensPerSecond);
    this.memoryBytes.push(metrics.memoryBytes);
  }

  pushEvaluation(result: EvaluationResult): void {
    const kept = this.evaluations.filter((evaluation) => evaluation.step < result.step);
    this.evaluations = [...kept, result];
  }

  add(row: RunMetricRow): void {
    if (row.kind === 'step') this.push(row);
    else this.pushEvaluation(row);
  }

  /** Puts newer points behind these; where both have a step, the newer ones win. */
  append(newer: RunSeries): void {
    const first = newer.steps[0];
    if (first !== undefined) this.#cutFrom(first);
    newer.steps.forEach((step, index) => {
      this.#pushColumns({
        step,
        loss: newer.loss[index] ?? null,
        learningRate: newer.learningRate[index] ?? 0,
        gradNorm: newer.gradNorm[index] ?? null,
        tokensPerSecond: newer.tokensPerSecond[index] ?? 0,
        memoryBytes: newer.memoryBytes[index] ?? 0,
      });
    });
    for (const evaluation of newer.evaluations) this.pushEvaluation(evaluation);
  }

  get lastStep(): number {
    return this.steps.at(-1) ?? 0;
  }

  get bestEvaluation(): EvaluationResult | null {
    return this.evaluations.reduce<EvaluationResult | null>(
      (best, candidate) => (best === null || candidate.loss < best.loss ? candidate : best),
      null,
    );
  }

  #cutFrom(step: number): void {
    if (step > this.lastStep) return;
    const keep = this.steps.findIndex((existing) => existing >= step);
    if (keep < 0) return;
    for (const column of [
      this.steps,
      this.loss,
      this.learningRate,
      this.gradNorm,
      this.tokensPerSecond,
      this.memoryBytes,
    ]) {
      column.length = keep;
    }
  }
}
