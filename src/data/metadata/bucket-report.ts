// What became of a backend's samples on their way, and what to do about it: stages in order with their counts, the fullest
// buckets, reasons for leaving samples out, removals, numbered steps. It is told; it looks at nothing itself.
import { AppError } from '../../lib/errors';
import type { BuildReport, BuildStage } from '../../protocol/backends';
import { FilteringStatistics, type FilterReason } from './filtering-statistics';
import { nextSteps, type BucketMeasure, type Removal } from './next-steps';

const TOP_BUCKETS = 3;

export class BucketReport {
  readonly statistics = new FilteringStatistics();
  readonly #backendId: string;
  readonly #stages: BuildStage[] = [];
  readonly #buckets = new Map<number, number>();
  readonly #removals: Removal[] = [];
  readonly #measure: BucketMeasure;

  /** @param measure what buckets are made by: how long texts are, or which shape pictures have. */
  constructor(backendId: string, measure: BucketMeasure = 'length') {
    this.#backendId = backendId;
    this.#measure = measure;
  }

  /** In the order in which they ended. */
  stage(stage: BuildStage): void {
    this.#stages.push(stage);
  }

  /** A sample that stays. @param bucket upper bound of its length, or its aspect. */
  keep(bucket: number): void {
    this.statistics.add(null);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
  }

  leaveOut(reason: FilterReason, samples = 1): void {
    this.statistics.add(reason, samples);
  }

  /** Samples that were kept at first. Where no bucket is named, they are not taken off any. */
  remove(reason: string, count: number, bucket: number | null = null): void {
    if (count === 0) return;
    this.#removals.push({ reason, count, bucket });
    if (bucket === null) return;
    const left = (this.#buckets.get(bucket) ?? 0) - count;
    if (left > 0) this.#buckets.set(bucket, left);
    else this.#buckets.delete(bucket);
  }

  get removals(): readonly Removal[] {
    return this.#removals;
  }

  /** Samples that are left. */
  get usable(): number {
    const kept = [...this.#buckets.values()].reduce((sum, count) => sum + count, 0);
    const removed = this.#removals.filter(({ bucket }) => bucket === null);
    return Math.max(
      0,
      removed.reduce((left, { count }) => left - count, kept),
    );
  }

  /** The fullest, the shorter one first where two are alike. */
  topBuckets(): [bound: number, count: number][] {
    return [...this.#buckets].sort(([a, m], [b, n]) => n - m || a - b).slice(0, TOP_BUCKETS);
  }

  /** What is stored of it. */
  parts(): Pick<BuildReport, 'stages' | 'filtering' | 'buckets' | 'nextSteps'> {
    return {
      stages: [...this.#stages],
      filtering: this.statistics.toRecord(),
      buckets: Object.fromEntries(
        [...this.#buckets].sort(([a], [b]) => a - b).map(([bucket, count]) => [this.#keyOf(bucket), count]),
      ),
      nextSteps: this.#nextSteps(),
    };
  }

  /** Why nothing is left, as the error that says so: the ways out are numbered in its remedy. */
  noUsableSamples(): AppError {
    const facts = [this.#stagesText(), this.#reasonsText(), this.#removalsText()].filter(
      (text) => text !== '',
    );
    const steps = this.#nextSteps().map((step, i) => `${i + 1}. ${step}`);
    return new AppError(
      'dataset.empty',
      `Dataset "${this.#backendId}" produced no usable samples. ${facts.join(' ')}`.trim(),
      { remedy: steps.join(' '), details: { id: this.#backendId, ...this.parts() } },
    );
  }

  /** For logs and a person's clipboard: a line each. */
  toText(): string {
    const buckets = this.topBuckets().map(([bucket, count]) => `${this.#nameOf(bucket)}: ${count}`);
    const lines = [
      `Dataset "${this.#backendId}": ${this.usable} usable samples.`,
      this.#stagesText(),
      buckets.length === 0 ? '' : `Fullest buckets: ${buckets.join(', ')}.`,
      this.#reasonsText(),
      this.#removalsText(),
      ...this.#nextSteps().map((step, i) => `${i + 1}. ${step}`),
    ];
    return lines.filter((line) => line !== '').join('\n');
  }

  #nextSteps(): string[] {
    return nextSteps({
      stages: this.#stages,
      statistics: this.statistics,
      removals: this.#removals,
      usable: this.usable,
      measure: this.#measure,
    });
  }

  /** Two decimals keep keys in the order that they are written in. */
  #keyOf(bucket: number): string {
    return this.#measure === 'aspect' ? bucket.toFixed(2) : String(bucket);
  }

  #nameOf(bucket: number): string {
    return `${this.#measure === 'aspect' ? 'aspect' : 'up to'} ${this.#keyOf(bucket)}`;
  }

  #stagesText(): string {
    if (this.#stages.length === 0) return '';
    return `Stages: ${this.#stages.map(({ name, count }) => `${name} ${count}`).join(', ')}.`;
  }

  #reasonsText(): string {
    const reasons = this.statistics.reasons().map(([reason, count]) => `${reason} ${count}`);
    return reasons.length === 0 ? '' : `Left out: ${reasons.join(', ')}.`;
  }

  #removalsText(): string {
    if (this.#removals.length === 0) return '';
    const texts = this.#removals.map(
      ({ reason, count, bucket }) =>
        `${count} (${reason}${bucket === null ? '' : `, ${this.#nameOf(bucket)}`})`,
    );
    return `Removed: ${texts.join(', ')}.`;
  }
}
