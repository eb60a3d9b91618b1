// How far a mix was drawn: for each dataset the batches taken, the passes used and whether it is out for this epoch. Small and
// copied often; it decides nothing.
export interface MixDraw {
  /** Number of the source as it was given. */
  source: number;
  /** How often the source was exhausted before: another cycle, another order. */
  cycle: number;
  /** Number of the batch in that cycle. */
  batch: number;
  /** Epochs finished before this draw. */
  epoch: number;
}

export class MixPosition {
  microStep = 0;
  /** Epochs that are over. */
  epoch = 0;
  /** Whose turn it is where datasets take turns. */
  phase = 0;
  readonly #taken: Uint32Array;
  readonly #used: Uint32Array;
  readonly #cycles: Uint32Array;
  readonly #exhausted: Uint8Array;

  constructor(sources: number | MixPosition) {
    if (typeof sources === 'number') {
      this.#taken = new Uint32Array(sources);
      this.#used = new Uint32Array(sources);
      this.#cycles = new Uint32Array(sources);
      this.#exhausted = new Uint8Array(sources);
      return;
    }
    this.microStep = sources.microStep;
    this.epoch = sources.epoch;
    this.phase = sources.phase;
    this.#taken = sources.#taken.slice();
    this.#used = sources.#used.slice();
    this.#cycles = sources.#cycles.slice();
    this.#exhausted = sources.#exhausted.slice();
  }

  copy(): MixPosition {
    return new MixPosition(this);
  }

  get anyExhausted(): boolean {
    return this.#exhausted.includes(1);
  }

  isExhausted(source: number): boolean {
    return this.#exhausted[source] === 1;
  }

  /** Batches of the present cycle. */
  taken(source: number): number {
    return this.#taken[source] ?? 0;
  }

  usedRepeats(source: number): number {
    return this.#used[source] ?? 0;
  }

  repeat(source: number): void {
    this.#used[source] = this.usedRepeats(source) + 1;
  }

  /** Out for this epoch; its repeats begin anew, and its next cycle with them. */
  exhaust(source: number): void {
    this.#exhausted[source] = 1;
    this.#used[source] = 0;
    this.#taken[source] = 0;
    this.#cycles[source] = (this.#cycles[source] ?? 0) + 1;
  }

  endEpoch(): void {
    this.#exhausted.fill(0);
    this.epoch += 1;
  }

  take(source: number, phase: number): MixDraw {
    const batch = this.taken(source);
    this.#taken[source] = batch + 1;
    this.phase = phase + 1;
    this.microStep += 1;
    return { source, cycle: this.#cycles[source] ?? 0, batch, epoch: this.epoch };
  }
}
