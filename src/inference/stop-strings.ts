// Ends an answer at a stop string even where it is spread over several tokens: text that may be the beginning of one
// is held back until it is known.

export interface StopCheck {
  /** May be shown now. */
  text: string;
  /** True when a stop string was met; everything from it on is dropped. */
  stopped: boolean;
}

export class StopStringFilter {
  readonly #stops: readonly string[];
  #held = '';

  /** Empty strings are no stop strings. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  push(piece: string): StopCheck {
    const text = this.#held + piece;
    const at = firstIndex(text, this.#stops);
    if (at !== -1) {
      this.#held = '';
      return { text: text.slice(0, at), stopped: true };
    }
    const keep = heldLength(text, this.#stops);
    this.#held = text.slice(text.length - keep);
    return { text: text.slice(0, text.length - keep), stopped: false };
  }

  /** What was held back and turned out to be text. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}

function firstIndex(text: string, stops: readonly string[]): number {
  return stops.reduce((first, stop) => {
    const at = text.indexOf(stop);
    return at !== -1 && (first === -1 || at < first) ? at : first;
  }, -1);
}

/** Length of the longest end of `text` that begins a stop string. */
function heldLength(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
