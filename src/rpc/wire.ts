// What travels between the two ends of a connection. Failures are values: comlink's own throwing loses code and details.
import type { WireError } from './error-codec';

export type Outcome = { ok: true; value: unknown } | { ok: false; error: WireError };

/** Items that were ready; `done` or `error` come after them. */
export interface Pulled {
  items: unknown[];
  done: boolean;
  error: WireError | null;
}

/** `ask`: the generator's signal fires and it may still deliver a last item. `now`: nothing more is delivered. */
export type CancelMode = 'ask' | 'now';

/** The one object that comlink exposes. `version` is the caller's PROTOCOL_VERSION. */
export interface WireHost {
  call(version: number, method: string, args: unknown[]): Promise<Outcome>;
  open(version: number, streamId: number, method: string, args: unknown[]): Promise<Outcome>;
  pull(streamId: number): Promise<Pulled>;
  cancel(streamId: number, mode: CancelMode): void;
}
