// Time, so that tests can be instant.

export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  /** Runs `action` once after `milliseconds`; the returned function takes it back. */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, action) {
    const handle = setTimeout(action, milliseconds);
    return () => clearTimeout(handle);
  },
};
