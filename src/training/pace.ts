// How fast a run goes and how long it has left. The first steps compile shaders and are left out of the estimate.

const WARM_STEPS = 1;
/** Weight of the newest step in the moving average. */
const NEWEST = 0.1;

export class Pace {
  #steps = 0;
  #secondsPerStep: number | null = null;

  /** @param seconds wall time of one optimizer step. */
  record(seconds: number): void {
    this.#steps += 1;
    if (this.#steps <= WARM_STEPS) return;
    this.#secondsPerStep =
      this.#secondsPerStep === null ? seconds : NEWEST * seconds + (1 - NEWEST) * this.#secondsPerStep;
  }

  /** Seconds for that many steps; null before it can be told. */
  remainingSeconds(steps: number): number | null {
    return this.#secondsPerStep === null ? null : this.#secondsPerStep * steps;
  }
}
