// The realm's own time and dice, for what takes a clock as a part.

export const browserClock = {
  /** Milliseconds since the epoch. */
  now: (): number => Date.now(),
  /** 0 to below 1. */
  dice: (): number => Math.random(),
  /** Rejects with the signal's reason when it fires. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, milliseconds);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  },
};
