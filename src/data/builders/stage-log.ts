// How long each stage of a build took and what the worker held at its end. A stage ends when the next one begins; what runs
// inside another one is timed by itself. Marks stand in the browser's own timeline as well.
import type { BuildStage } from '../../protocol/backends';

export interface StageProbe {
  now: () => number;
  /** Bytes of the worker's heap; null where the browser does not tell. */
  heapBytes: () => number | null;
}

export class StageLog {
  readonly #probe: StageProbe;
  readonly #inside = new Map<BuildStage['name'], number>();
  #peakBytes: number | null = null;
  #since: number;

  constructor(probe: StageProbe) {
    this.#probe = probe;
    this.#since = probe.now();
  }

  /** The most that was seen. */
  get peakBytes(): number | null {
    return this.#peakBytes;
  }

  /** Looks at the heap: called now and then. */
  sample(): number | null {
    const bytes = this.#probe.heapBytes();
    if (bytes !== null) this.#peakBytes = Math.max(bytes, this.#peakBytes ?? 0);
    return bytes;
  }

  /** Runs a piece of a stage that lies inside another one. */
  inside<Result>(name: BuildStage['name'], work: () => Result): Result {
    const started = this.#probe.now();
    const result = work();
    this.#inside.set(name, (this.#inside.get(name) ?? 0) + this.#probe.now() - started);
    return result;
  }

  /** The stage that ran since the last one ended, or the pieces of one that ran inside it. */
  end(name: BuildStage['name'], count: number): BuildStage {
    const now = this.#probe.now();
    const inside = this.#inside.get(name);
    const milliseconds = Math.round(inside ?? now - this.#since);
    if (inside === undefined) this.#since = now;
    return { name, count, milliseconds, memoryBytes: this.sample() };
  }
}
