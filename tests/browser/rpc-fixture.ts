// An api that misbehaves in every way a worker can, for the tests of rpc and supervision.
import { AppError } from '../../src/lib/errors';

export class FaultyApi {
  add(a: number, b: number): Promise<number> {
    return Promise.resolve(a + b);
  }

  refuse(): Promise<never> {
    const options = { details: { line: 7, bad: () => 1 }, remedy: 'Fix line 7.' };
    return Promise.reject(new AppError('dataset.bad-line', 'Line 7 is no JSON.', options));
  }

  crash(): Promise<never> {
    return Promise.reject(new TypeError('x is undefined'));
  }

  hang(): Promise<never> {
    return new Promise(() => undefined);
  }

  /** Blocks the thread, as one long kernel does. */
  block(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    return Promise.resolve();
  }

  /** Dies outside of any call. */
  die(): Promise<void> {
    setTimeout(() => {
      throw new Error('boom');
    });
    return this.hang();
  }

  echoBytes(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(bytes);
  }

  readFile(file: { name: string; blob: Blob }): Promise<string> {
    return file.blob.text();
  }

  viaPort(port: MessagePort): Promise<void> {
    port.postMessage('through the port');
    return Promise.resolve();
  }

  notCloneable(): Promise<unknown> {
    return Promise.resolve(() => 1);
  }
}

/** What the generators went through, told by the plain api. */
export class FaultyStreams {
  produced = 0;
  ended = 0;
  aborted = 0;

  async *count(to: number, failAt: number | null, signal: AbortSignal): AsyncGenerator<number> {
    signal.addEventListener('abort', () => this.aborted++);
    try {
      for (let i = 0; i < to; i++) {
        if (i === failAt) throw new AppError('engine.device-lost', `Lost at ${i}.`);
        this.produced++;
        yield i;
        if (i % 8 === 7) await new Promise((resolve) => setTimeout(resolve));
      }
    } finally {
      this.ended++;
    }
  }

  /** The same under a name that the engine's client streams. */
  generate(to: number, failAt: number | null, signal: AbortSignal): AsyncGenerator<number> {
    return this.count(to, failAt, signal);
  }

  /** Delivers a last word when asked to end. */
  async *polite(signal: AbortSignal): AsyncGenerator<string> {
    while (!signal.aborted) {
      yield 'token';
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    yield 'finish';
  }

  /** Never looks at its signal. */
  async *stubborn(): AsyncGenerator<string> {
    yield 'first';
    await new Promise(() => undefined);
  }
}

export interface StreamCounters {
  produced: number;
  ended: number;
  aborted: number;
}

/** The streams as a reader writes them: without the signal that the host appends. */
export interface FaultyStreamCalls {
  count(to: number, failAt: number | null): AsyncIterable<number>;
  polite(): AsyncIterable<string>;
  stubborn(): AsyncIterable<string>;
}
