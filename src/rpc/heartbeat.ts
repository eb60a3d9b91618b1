// Beats of a worker: regular ones by timer, and progress beats from inside a long task, whose loop lets no timer run.
// Not a judge: the supervisor decides what silence means.
import { type Clock, systemClock } from './clock';

export const DEFAULT_HEARTBEAT_MS = 30_000;
/** Progress beats are called per training step; more than one message a second tells nothing. */
const PROGRESS_INTERVAL_MS = 1_000;

export class Heartbeat {
  readonly #send: () => void;
  readonly #clock: Clock;
  #intervalMs = DEFAULT_HEARTBEAT_MS;
  #lastSent = -Infinity;
  #stopTimer: () => void = () => undefined;

  /** A `send` that throws is ignored: the next beat tries again. */
  constructor(send: () => void, clock: Clock = systemClock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Sends the first beat at once. Called again it takes the new interval. */
  start(intervalMs = DEFAULT_HEARTBEAT_MS): void {
    this.#intervalMs = intervalMs;
    this.#tick();
  }

  progress(): void {
    if (this.#clock.now() - this.#lastSent >= PROGRESS_INTERVAL_MS) this.#beat();
  }

  stop(): void {
    this.#stopTimer();
  }

  #tick(): void {
    this.#stopTimer();
    this.#beat();
    this.#stopTimer = this.#clock.after(this.#intervalMs, () => this.#tick());
  }

  #beat(): void {
    this.#lastSent = this.#clock.now();
    try {
      this.#send();
    } catch {
      // A beat that cannot be sent is a beat missed; that is what the other side counts.
    }
  }
}
