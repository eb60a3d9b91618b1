// A file of a folder for reading in parts: it can vanish or change at any moment, and that is told as a backend's error.
// The bytes stay on disk; each read has what it asked for.
import type { ByteSource } from '../reading/text-reader';
import { cancelledError } from './backend-errors';

export type Explain = (error: unknown) => Error;

export class GuardedFile implements ByteSource {
  readonly #file: Blob;
  readonly #explain: Explain;

  constructor(file: Blob, explain: Explain) {
    this.#file = file;
    this.#explain = explain;
  }

  get size(): number {
    return this.#file.size;
  }

  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> } {
    return {
      arrayBuffer: async () => {
        try {
          return await this.#file.slice(start, end).arrayBuffer();
        } catch (error) {
          throw this.#explain(error);
        }
      },
    };
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.slice(0, this.size).arrayBuffer());
  }

  /** Each piece is read when the one before it was taken. */
  stream(signal?: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = this.#file.stream().getReader();
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          try {
            if (signal?.aborted === true) throw cancelledError();
            const { done, value } = await reader.read();
            if (done) controller.close();
            else controller.enqueue(value);
          } catch (error) {
            await reader.cancel().catch(() => undefined);
            throw this.#explain(error);
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }
}
