// The order in which requests are answered: first come, first served. Answers of one model may be written side by side,
// where the device reads their tokens together; another model waits until these are done, and nobody overtakes it.

interface Waiting {
  key: string;
  admit: () => void;
}

export class AnswerLine {
  readonly #together: () => number;
  readonly #waiting: Waiting[] = [];
  /** Of those inside. */
  #key = '';
  #inside = 0;

  /** @param together how many answers of one model may be written at once, at least 1. */
  constructor(together: () => number) {
    this.#together = together;
  }

  /** How many are inside or in line. */
  get queued(): number {
    return this.#inside + this.#waiting.length;
  }

  /** Resolves when it is its turn. Call the result once to leave. @param key the same for the same model. */
  async enter(key: string): Promise<() => void> {
    await new Promise<void>((admit) => {
      this.#waiting.push({ key, admit });
      this.#admit();
    });
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      this.#inside -= 1;
      this.#admit();
    };
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const hasRoom = first.key === this.#key && this.#inside < this.#together();
      if (this.#inside > 0 && !hasRoom) return;
      this.#waiting.shift();
      this.#key = first.key;
      this.#inside += 1;
      first.admit();
    }
  }
}
