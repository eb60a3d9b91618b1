// One request with an end of its own: by the others' end, or because nothing came for too long. A server that goes silent
// says nothing about it; only time tells.

export class Stallable {
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly #own = new AbortController();

  constructor(stallMs: number, stop: AbortSignal) {
    this.stallMs = stallMs;
    this.signal = AbortSignal.any([stop, this.#own.signal]);
  }

  /** @returns null where it took too long; the request is over then. */
  async within<T>(step: Promise<T>): Promise<T | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.stallMs);
    });
    const first = await Promise.race([step, silence]).finally(() => clearTimeout(timer));
    if (first === null) {
      step.catch(() => undefined);
      this.end();
    }
    return first;
  }

  end(): void {
    this.#own.abort();
  }
}
