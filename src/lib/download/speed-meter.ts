// Bytes per second over the last seconds, and what that says about the end. It keeps a few numbers and no clock.

const WINDOW_MS = 5000;
/** A shorter stretch says too little. */
const LEAST_MS = 200;

interface Mark {
  atMs: number;
  bytes: number;
}

export class SpeedMeter {
  /** Running totals, oldest first. */
  #marks: Mark[] = [];

  /** @param bytes received so far in this session, in all. */
  mark(atMs: number, bytes: number): void {
    const last = this.#marks.at(-1);
    // Chunks come by the thousand; ten marks a second tell as much.
    if (last !== undefined && this.#marks.length > 1 && atMs - last.atMs < WINDOW_MS / 50) {
      last.bytes = bytes;
    } else {
      this.#marks.push({ atMs, bytes });
    }
    while ((this.#marks[1]?.atMs ?? Infinity) <= atMs - WINDOW_MS) this.#marks.shift();
  }

  /** @returns null until there is something to go by. */
  bytesPerSecond(nowMs: number): number | null {
    const [first] = this.#marks;
    const last = this.#marks.at(-1);
    if (first === undefined || last === undefined || nowMs - first.atMs < LEAST_MS) return null;
    return ((last.bytes - first.bytes) * 1000) / (nowMs - first.atMs);
  }

  /** @returns null while nothing moves. */
  secondsLeft(nowMs: number, missingBytes: number): number | null {
    const speed = this.bytesPerSecond(nowMs);
    return speed === null || speed <= 0 ? null : missingBytes / speed;
  }
}
