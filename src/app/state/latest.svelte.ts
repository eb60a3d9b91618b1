// The newest answer to a question that keeps changing: older answers that arrive late are dropped. The last value stays
// while the next one is on its way, so that a view does not flicker.

export class Latest<Value> {
  #value = $state.raw<Value | null>(null);
  #error = $state.raw<unknown>(null);
  #pending = $state(false);
  #asked = 0;

  get value(): Value | null {
    return this.#value;
  }
  /** Why the newest question failed; null when it did not. */
  get error(): unknown {
    return this.#error;
  }
  get pending(): boolean {
    return this.#pending;
  }

  async ask(question: () => Promise<Value>): Promise<void> {
    this.#asked += 1;
    const own = this.#asked;
    this.#pending = true;
    try {
      const value = await question();
      if (own !== this.#asked) return;
      this.#value = value;
      this.#error = null;
    } catch (error) {
      if (own !== this.#asked) return;
      this.#value = null;
      this.#error = error;
    }
    this.#pending = false;
  }

  clear(): void {
    this.#asked += 1;
    this.#value = null;
    this.#error = null;
    this.#pending = false;
  }
}
