import { describe, expect, it } from 'vitest';
import type { EvaluationResult, StepMetrics } from '../../protocol/training';
import { RunSeries } from './runs-series';

function step(number: number, loss: number | null): StepMetrics {
  return {
    runId: 'r',
    step: number,
    totalSteps: 10,
    epoch: 0,
    loss,
    learningRate: 1e-3,
    gradNorm: loss,
    tokensPerSecond: 100,
    memoryBytes: 1,
    elapsedSeconds: number,
    remainingSeconds: null,
  };
}

function evaluation(number: number, loss: number): EvaluationResult {
  return {
    runId: 'r',
    step: number,
    loss,
    perplexity: Math.exp(loss),
    targetTokens: 9,
    best: false,
    samples: [],
  };
}

describe('RunSeries', () => {
  it('push: a step that comes again after a resume replaces it and all later ones', () => {
    const series = new RunSeries();
    for (const number of [1, 2, 3]) series.push(step(number, number));
    series.push(step(2, 20));
    expect(series.steps).toEqual([1, 2]);
    expect(series.loss).toEqual([1, 20]);
    expect(series.memoryBytes).toHaveLength(2);
  });

  it('pushEvaluation: same step replaces', () => {
    const series = new RunSeries();
    series.pushEvaluation(evaluation(0, 3));
    series.pushEvaluation(evaluation(5, 2));
    series.pushEvaluation(evaluation(5, 1.5));
    expect(series.evaluations.map((result) => result.loss)).toEqual([3, 1.5]);
  });

  it('bestEvaluation: the lowest loss, not the last one', () => {
    const series = new RunSeries();
    expect(series.bestEvaluation).toBeNull();
    for (const [number, loss] of [
      [0, 3],
      [5, 1],
      [10, 2],
    ] as const) {
      series.pushEvaluation(evaluation(number, loss));
    }
    expect(series.bestEvaluation?.step).toBe(5);
  });

  it('push: a skipped step keeps its place without a loss', () => {
    const series = new RunSeries();
    series.push(step(1, 2));
    series.push(step(2, null));
    expect(series.loss).toEqual([2, null]);
  });

  it('append: live points win over stored ones of the same steps', () => {
    const stored = new RunSeries();
    const live = new RunSeries();
    for (const number of [1, 2, 3]) stored.push(step(number, number));
    for (const number of [3, 4]) live.push(step(number, number * 10));
    stored.append(live);
    expect(stored.steps).toEqual([1, 2, 3, 4]);
    expect(stored.loss).toEqual([1, 2, 30, 40]);
  });
});
