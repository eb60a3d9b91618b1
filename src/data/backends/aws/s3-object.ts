// Reading one object: by ranges where and when they are needed, or from its first byte to its last, gone on with from where
// a connection broke off. An object that becomes another one meanwhile is told, never mixed.
import { RemoteFile } from '../../../lib/download/remote-file';
import type { ByteSource } from '../../reading/text-reader';
import { goneError } from '../backend-errors';
import type { S3Answer } from './s3-answer';
import type { S3Client, S3Order } from './s3-client';
import { answerError } from './s3-errors';
import { TemporaryFailure } from '../../../lib/download/download-errors';
import { cutError } from './s3-errors';

/** What of it is read must stay: the object as it was first seen. */
interface S3Version {
  path: string;
  key: string;
  size: number | null;
  etag: string | null;
}

/** Comes with the opening: most files of a corpus are no longer, and need no other request. */
const FIRST_BYTES = 64 * 1024;

interface Opened {
  size: number | null;
  etag: string | null;
  /** What came along of its beginning. */
  first: Uint8Array<ArrayBuffer>;
}

/** @param path for messages. @returns null where there is none. */
export async function openObject(client: S3Client, path: string, key: string): Promise<ByteSource | null> {
  const opened = await openFirst(client, key);
  // An empty object has no first byte, and some rules hide the size of parts: both are asked for otherwise.
  const known = opened === null || opened.size === null ? await openHead(client, key) : opened;
  if (known === null) return null;
  const { size, etag, first } = known;
  if (size === null) {
    throw answerError(
      client.place,
      `the size of "${path}" is not told, or CORS does not expose Content-Length`,
    );
  }
  return new RemoteFile(size, (start, end) =>
    end <= first.byteLength
      ? Promise.resolve(first.slice(start, end).buffer)
      : readRange(client, { path, key, size, etag }, start, end),
  );
}

function openFirst(client: S3Client, key: string): Promise<Opened | null> {
  return client.ask(rangeOrder(key, 0, FIRST_BYTES), async (answer) => {
    const { total: size, etag } = answer;
    // Without ranges all of it would come.
    if (answer.status === 206 || (size !== null && size <= FIRST_BYTES)) {
      return { size, etag, first: await answer.bytes() };
    }
    await answer.discard();
    return { size, etag, first: new Uint8Array() };
  });
}

function openHead(client: S3Client, key: string): Promise<Opened | null> {
  return client.ask({ method: 'HEAD', key }, ({ length: size, etag }) =>
    Promise.resolve({ size, etag, first: new Uint8Array() }),
  );
}

async function readRange(
  client: S3Client,
  version: S3Version,
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  const bytes = await client.ask(rangeOrder(version.key, start, end), async (answer) => {
    await sameVersion(client, version, answer);
    if (answer.status !== 206 && (start > 0 || end !== version.size)) {
      await answer.discard();
      throw answerError(client.place, `all of "${version.path}" instead of the part that was asked for`);
    }
    return answer.bytes();
  });
  if (bytes?.byteLength !== end - start) throw goneError(client.place.location, version.path, undefined);
  return bytes.buffer;
}

/** @returns null where there is none. The connection is held as long as it is read. */
export async function streamObject(
  client: S3Client,
  path: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
  const order: S3Order = { method: 'GET', key, signal };
  const answer = await client.ask(order, (first) => Promise.resolve(first));
  if (answer === null) return null;
  const object = new ObjectStream(
    client,
    order,
    { path, key, size: answer.length, etag: answer.etag },
    answer,
  );
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        const chunk = await object.next();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => object.end(),
    },
    { highWaterMark: 0 },
  );
}

class ObjectStream {
  readonly #client: S3Client;
  readonly #order: S3Order;
  readonly #version: S3Version;
  #answer: S3Answer;
  #at = 0;

  constructor(client: S3Client, order: S3Order, version: S3Version, first: S3Answer) {
    this.#client = client;
    this.#order = order;
    this.#version = version;
    this.#answer = first;
  }

  /** @returns null at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    for (let failures = 1; ; failures++) {
      try {
        const chunk = await this.#answer.next();
        if (chunk === null) this.#checkEnd();
        else this.#at += chunk.byteLength;
        return chunk;
      } catch (error) {
        await this.end();
        await this.#client.pause(failures, error, this.#order);
        await this.#reopen();
      }
    }
  }

  end(): Promise<void> {
    return this.#answer.discard();
  }

  #checkEnd(): void {
    const { size, path } = this.#version;
    if (size !== null && this.#at < size) {
      throw new TemporaryFailure(
        cutError(this.#client.place, `"${path}" after ${this.#at} of ${size} bytes`),
      );
    }
  }

  async #reopen(): Promise<void> {
    const { key, size, path } = this.#version;
    const range = this.#at === 0 ? {} : rangeOrder(key, this.#at, size);
    const answer = await this.#client.ask({ ...this.#order, ...range }, async (next) => {
      await sameVersion(this.#client, this.#version, next);
      if (this.#at > 0 && next.status !== 206) {
        await next.discard();
        throw answerError(this.#client.place, `all of "${path}" instead of what is left of it`);
      }
      return next;
    });
    if (answer === null) throw goneError(this.#client.place.location, path, undefined);
    this.#answer = answer;
  }
}

function rangeOrder(key: string, start: number, end: number | null): S3Order {
  return { method: 'GET', key, headers: { Range: `bytes=${start}-${end === null ? '' : end - 1}` } };
}

async function sameVersion(client: S3Client, version: S3Version, answer: S3Answer): Promise<void> {
  if (version.etag === null || answer.etag === null || version.etag === answer.etag) return;
  await answer.discard();
  throw goneError(client.place.location, version.path, undefined);
}
