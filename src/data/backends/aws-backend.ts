// A bucket of any S3 service, read and written by its REST interface from the browser; the bucket has to allow that (CORS).
// Nothing is kept but the credentials, in memory, as long as it is open.
import { DEFAULT_RETRIES, type RetryLimits } from '../../lib/download/retry-policy';
import type { ByteSource } from '../reading/text-reader';
import { S3Client } from './aws/s3-client';
import { answerError } from './aws/s3-errors';
import { listingQuery, parseListing, type S3Page } from './aws/s3-listing';
import { openObject, streamObject } from './aws/s3-object';
import { readAwsSettings, type AwsSettings } from './aws/aws-settings';
import { throwIfStopped } from './backend-errors';
import type { BackendOptions } from './backend-options';
import { ListFilter, parseBackendPath } from './backend-path';
import type { BackendDescription, BackendFile, DataBackend, ListOptions } from './data-backend';
import { writeAll } from './write-all';

export type AwsBackendOptions = AwsSettings &
  Pick<BackendOptions, 'fetch' | 'clock' | 'online' | 'retries'> & { stallMs?: number };

/** A first look is not worth half a minute of patience. */
const CHECK_ATTEMPTS = 2;
const STALL_MS = 60_000;

/** @throws AppError `config.invalid`, `backend.denied` where no credentials are given. */
export function createAwsBackend({ config, secrets, ...parts }: BackendOptions): DataBackend {
  return new AwsBackend({ ...readAwsSettings(config, secrets), ...parts });
}

export class AwsBackend implements DataBackend {
  readonly #id: string;
  readonly #client: S3Client;
  /** '' or ends with a slash. */
  readonly #prefix: string;
  readonly #checkRetries: RetryLimits;

  constructor({
    id,
    bucket,
    prefix,
    retries = DEFAULT_RETRIES,
    stallMs = STALL_MS,
    ...rest
  }: AwsBackendOptions) {
    this.#id = id;
    this.#prefix = prefix;
    this.#checkRetries = { ...retries, attempts: Math.min(retries.attempts, CHECK_ATTEMPTS) };
    const { host } = new URL(rest.endpoint);
    const place = { location: `s3://${bucket}/${prefix}`.replace(/\/$/, ''), host, bucket };
    this.#client = new S3Client({ ...rest, place, retries, stallMs });
  }

  describe(): BackendDescription {
    return { id: this.#id, type: 'aws', location: this.#client.place.location, writable: true };
  }

  /** A listing of one, which says why it is refused, and a HEAD, which the bucket's CORS rules may forget. */
  async check(signal?: AbortSignal): Promise<void> {
    const retries = this.#checkRetries;
    await this.#page(listingQuery(this.#prefix, null, 1), signal, retries);
    await this.#client.ask({ method: 'HEAD', key: '', signal, retries }, (answer) => answer.discard());
  }

  /** The next page is on its way while one is read. */
  async *list(options: ListOptions = {}): AsyncGenerator<BackendFile> {
    const { under = '', signal } = options;
    const filter = new ListFilter(options);
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const ask = (token: string | null): Promise<S3Page> => {
      const page = this.#page(listingQuery(this.#prefix + under, token), either);
      // Nobody may be there any more when it fails.
      page.catch(() => undefined);
      return page;
    };
    try {
      let pending: Promise<S3Page> | null = ask(null);
      while (pending !== null) {
        const page: S3Page = await pending;
        pending = page.next === null ? null : ask(page.next);
        for (const file of page.files) {
          throwIfStopped(signal);
          if (filter.showsWhole(file.path)) yield file;
        }
      }
    } finally {
      stop.abort();
    }
  }

  async exists(path: string): Promise<boolean> {
    const found = await this.#client.ask({ method: 'HEAD', key: this.#key(path) }, (answer) =>
      answer.discard().then(() => true),
    );
    return found ?? false;
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#client.ask({ method: 'GET', key: this.#key(path) }, (answer) => answer.bytes());
  }

  async open(path: string): Promise<ByteSource | null> {
    return openObject(this.#client, path, this.#key(path));
  }

  async openStream(
    path: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
    return streamObject(this.#client, path, this.#key(path), signal);
  }

  async write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const order = { method: 'PUT', key: this.#key(path), body: bytes } as const;
    const written = await this.#client.ask(order, (answer) => answer.discard().then(() => true));
    if (written === null) throw answerError(this.#client.place, `no place for "${path}" (404)`);
  }

  writeBatch(files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>): Promise<void> {
    return writeAll(this, files);
  }

  async delete(path: string): Promise<void> {
    await this.#client.ask({ method: 'DELETE', key: this.#key(path) }, (answer) => answer.discard());
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #key(path: string): string {
    return this.#prefix + parseBackendPath(path).join('/');
  }

  async #page(
    query: Record<string, string>,
    signal: AbortSignal | undefined,
    retries?: RetryLimits,
  ): Promise<S3Page> {
    const order = {
      method: 'GET',
      key: '',
      query,
      signal,
      ...(retries === undefined ? {} : { retries }),
    } as const;
    const xml = await this.#client.ask(order, (answer) => answer.text());
    const page = parseListing(xml ?? '', this.#prefix);
    if (page !== null && (page.next === null || page.next !== query['continuation-token'])) return page;
    throw answerError(this.#client.place, 'what came is no listing that can be gone through');
  }
}
