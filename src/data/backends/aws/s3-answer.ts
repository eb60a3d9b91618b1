// An answer of an S3 service whose body is read with patience for slow ones, but not for silent ones. What breaks off is a
// temporary failure: whoever asked may ask again.
import { TemporaryFailure } from '../../../lib/download/download-errors';
import type { Stallable } from '../../../lib/download/stallable';
import { cutError, silenceError, type S3Place } from './s3-errors';

export class S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly #place: S3Place;
  readonly #request: Stallable;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | null;

  constructor(place: S3Place, response: Response, request: Stallable) {
    this.status = response.status;
    this.headers = response.headers;
    this.#place = place;
    this.#request = request;
    this.#reader = response.body?.getReader() ?? null;
  }

  /** Version of the object; null where the service hides it. */
  get etag(): string | null {
    return this.headers.get('ETag');
  }

  /** Of the body; null where the service does not say. */
  get length(): number | null {
    const header = this.headers.get('Content-Length');
    // Of a packed body it is the packed length.
    return header === null || this.headers.has('Content-Encoding') ? null : Number(header);
  }

  /** Of the object, of which this may be a part; null where the service does not say. */
  get total(): number | null {
    if (this.status !== 206) return this.length;
    const [, total] = /\/(\d+)$/.exec(this.headers.get('Content-Range') ?? '') ?? [];
    return total === undefined ? null : Number(total);
  }

  /** @returns null at its end. @throws TemporaryFailure. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#reader === null) return null;
    const step = await this.#request.within(this.#reader.read()).catch((cause: unknown) => {
      throw new TemporaryFailure(cutError(this.#place, 'an answer', cause));
    });
    if (step === null) throw new TemporaryFailure(silenceError(this.#place, this.#request.stallMs));
    return step.done ? null : step.value;
  }

  /** All of it. @throws TemporaryFailure where less came than was announced. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let count = 0;
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) {
      chunks.push(chunk);
      count += chunk.byteLength;
    }
    if (this.length !== null && this.length !== count) {
      throw new TemporaryFailure(cutError(this.#place, `an answer of ${this.length} bytes`));
    }
    return join(chunks, count);
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** The connection is free for others. */
  async discard(): Promise<void> {
    await this.#reader?.cancel().catch(() => undefined);
  }
}

function join(chunks: readonly Uint8Array[], count: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(count);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.byteLength;
  }
  return joined;
}
