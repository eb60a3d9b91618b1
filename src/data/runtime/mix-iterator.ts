// Which dataset a run draws from, micro-step by micro-step. Pure: the draw of micro-step n follows from the mix, the seed and
// n alone, by replaying the draws before it; what is kept (a position, a snapshot now and then) only saves that work.
import { AppError } from '../../lib/errors';
import { hashSeed, uniformAt } from '../../lib/random';
import type { DatasetShare, MixWeighting } from '../../protocol/mix';
import { type MixDraw, MixPosition } from './mix-position';
import { isActive, weightOf } from './mix-weights';

export interface MixSource {
  share: DatasetShare;
  rows: number;
  /** Batches in each cycle, the repeats counted: at least 1. */
  batches: number;
  /** The first micro-step that no longer draws from it; Infinity where it stays. */
  until: number;
}

export interface MixRules {
  weighting: MixWeighting;
  gradientAccumulation: number;
  seed: number;
}

const DRAWS_PER_SNAPSHOT = 2048;
const NEUTRAL = 2;
/** Positive, negative, neutral. */
const PHASES = 3;

export class MixIterator {
  readonly #sources: readonly MixSource[];
  readonly #rules: MixRules;
  readonly #drawSeed: number;
  readonly #allRows: number;
  /** Numbers of the sources, by id. */
  readonly #sorted: readonly number[];
  readonly #inPhases: boolean;
  readonly #snapshots: MixPosition[];
  #position: MixPosition;
  #last: { microStep: number; draw: MixDraw } | null = null;

  constructor(sources: readonly MixSource[], rules: MixRules) {
    for (const { batches, share } of sources) assertBatches(batches, share);
    this.#sources = sources;
    this.#rules = rules;
    this.#drawSeed = hashSeed(rules.seed, 'mix');
    this.#allRows = sources.reduce((sum, { rows }) => sum + rows, 0);
    const idOf = (source: number): string => sources[source]?.share.datasetId ?? '';
    this.#sorted = [...sources.keys()].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    this.#inPhases = sources.some(({ share }) => phaseOf(share) !== NEUTRAL);
    this.#position = new MixPosition(sources.length);
    this.#snapshots = [this.#position.copy()];
  }

  /**
   * Constant time for the micro-step that comes next; any other one is replayed from the snapshot before it.
   * @throws AppError `training.invalid` where no dataset is active at that point.
   */
  at(microStep: number): MixDraw {
    if (this.#last?.microStep === microStep) return this.#last.draw;
    if (this.#position.microStep !== microStep) this.#moveTo(microStep);
    const draw = this.#draw();
    this.#last = { microStep, draw };
    return draw;
  }

  #moveTo(microStep: number): void {
    if (this.#position.microStep > microStep || microStep - this.#position.microStep > DRAWS_PER_SNAPSHOT) {
      const known = Math.min(Math.floor(microStep / DRAWS_PER_SNAPSHOT), this.#snapshots.length - 1);
      const snapshot = this.#snapshots[known];
      if (snapshot !== undefined) this.#position = snapshot.copy();
    }
    while (this.#position.microStep < microStep) this.#draw();
  }

  /** The draw of the present micro-step, in whatever epoch it falls. */
  #draw(): MixDraw {
    for (;;) {
      const draw = this.next();
      if (draw !== null) return draw;
    }
  }

  /**
   * One request for a batch: the draw of the present micro-step, or null where the epoch ends before it.
   * @throws AppError `training.invalid` where no dataset is active and none was exhausted in this epoch.
   */
  next(): MixDraw | null {
    const position = this.#position;
    for (;;) {
      const active = this.#active();
      if (active.length === 0) {
        if (!position.anyExhausted) throw this.#nothingActive();
        position.endEpoch();
        return null;
      }
      const source = this.#choose(active);
      if (this.#exhausts(source)) continue;
      const draw = position.take(source, phaseOf(this.#shareOf(source)));
      if (position.microStep === this.#snapshots.length * DRAWS_PER_SNAPSHOT) {
        this.#snapshots.push(position.copy());
      }
      return draw;
    }
  }

  /** Sources with their weights, by id: active ones that are not exhausted, of the phase whose turn it is. */
  #active(): [source: number, weight: number][] {
    const position = this.#position;
    const clock = { epoch: position.epoch, optimizerStep: this.#stepOf(position.microStep) };
    const weighted = this.#sorted.flatMap((source): [number, number][] => {
      const { share, until } = this.#sourceOf(source);
      if (position.isExhausted(source) || position.microStep >= until || !isActive(share, clock)) return [];
      const weight = this.#weight(source, clock.optimizerStep);
      return weight > 0 ? [[source, weight]] : [];
    });
    if (!this.#inPhases) return weighted;
    for (let turn = 0; turn < PHASES; turn += 1) {
      const phase = (position.phase + turn) % PHASES;
      const inPhase = weighted.filter(([source]) => phaseOf(this.#shareOf(source)) === phase);
      if (inPhase.length > 0) return inPhase;
    }
    return [];
  }

  #weight(source: number, step: number): number {
    const { share, rows } = this.#sourceOf(source);
    try {
      return weightOf(share, { rows, allRows: this.#allRows }, this.#rules.weighting, step);
    } catch (error) {
      if (this.#inPhases) return 0;
      throw error;
    }
  }

  /** One draw from (seed, micro-step): the same whatever was drawn before, for the same active datasets. */
  #choose(active: readonly [source: number, weight: number][]): number {
    const total = active.reduce((sum, [, weight]) => sum + weight, 0);
    let left = uniformAt(this.#drawSeed, this.#position.microStep) * total;
    for (const [source, weight] of active) {
      left -= weight;
      if (left < 0) return source;
    }
    return active.at(-1)?.[0] ?? 0;
  }

  /** Whether the source had nothing left: the next of its passes begins, or it is out for this epoch. */
  #exhausts(source: number): boolean {
    const { share, batches } = this.#sourceOf(source);
    const repeats = share.repeats ?? 0;
    const used = this.#position.usedRepeats(source);
    const passEnds = Math.ceil((batches * (used + 1)) / (repeats + 1));
    if (this.#position.taken(source) < passEnds) return false;
    if (used < repeats) this.#position.repeat(source);
    else this.#position.exhaust(source);
    return true;
  }

  #stepOf(microStep: number): number {
    return Math.floor(microStep / this.#rules.gradientAccumulation);
  }

  #sourceOf(source: number): MixSource {
    const found = this.#sources[source];
    if (found === undefined) throw new RangeError(`There is no source ${source}.`);
    return found;
  }

  #shareOf(source: number): DatasetShare {
    return this.#sourceOf(source).share;
  }

  #nothingActive(): AppError {
    const epoch = this.#position.epoch + 1;
    const step = this.#stepOf(this.#position.microStep) + 1;
    return new AppError('training.invalid', `No dataset is active in epoch ${epoch} at step ${step}.`, {
      remedy:
        'Let one dataset begin earlier or end later, give one a probability above 0, or train fewer steps.',
      details: { path: 'mix.shares', epoch, step },
    });
  }
}

function phaseOf({ sliderStrength }: DatasetShare): number {
  const strength = sliderStrength ?? 0;
  if (strength > 0) return 0;
  return strength < 0 ? 1 : NEUTRAL;
}

/** Only what is never drawn from may have none: a dataset for evaluation. */
function assertBatches(batches: number, { datasetId, probability }: DatasetShare): void {
  if (Number.isSafeInteger(batches) && (batches > 0 || probability === 0)) return;
  throw new AppError('internal', `The dataset ${datasetId} has ${batches} batches.`);
}
