// Requests to one bucket: signed (SigV4 by aws4fetch), a few at a time, tried again while the trouble may pass. Path-style
// addresses only, so that any S3 service will do. Credentials are used to sign and are in nothing that it says.
import { AwsClient } from 'aws4fetch';
import { Pool } from '../../../lib/async/pool';
import { TemporaryFailure } from '../../../lib/download/download-errors';
import {
  isTemporary,
  retryAfterMs,
  retryDelayMs,
  type RetryLimits,
} from '../../../lib/download/retry-policy';
import { Stallable } from '../../../lib/download/stallable';
import type { TransferClock } from '../../../lib/download/transfer';
import { cancelledError, closedError } from '../backend-errors';
import {
  explainRefusal,
  networkError,
  readRefusal,
  serviceError,
  silenceError,
  type S3Place,
  type S3Refusal,
} from './s3-errors';
import { S3Answer } from './s3-answer';

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
}

export interface S3ClientParts {
  fetch: typeof fetch;
  clock: TransferClock;
  online: () => boolean;
  place: S3Place;
  /** Without a slash at its end. */
  endpoint: string;
  /** 'auto': what the address says, or what the service answers. */
  region: string;
  credentials: S3Credentials;
  /** Requests at a time. */
  connections: number;
  retries: RetryLimits;
  /** A request that brings nothing for this long is made again. */
  stallMs: number;
}

export interface S3Order {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** '' is the bucket itself. */
  key: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal | undefined;
  retries?: RetryLimits;
}

/** Services whose addresses name their region, which aws4fetch knows how to read. */
const TELLING_HOST = /\.(amazonaws\.com(\.cn)?|backblazeb2\.com|r2\.cloudflarestorage\.com)$/;

export class S3Client {
  readonly #parts: S3ClientParts;
  readonly #pool: Pool;
  readonly #closing = new AbortController();
  #signer: AwsClient;
  #adopted: string | null = null;

  constructor(parts: S3ClientParts) {
    this.#parts = parts;
    this.#pool = new Pool(parts.connections);
    const told = parts.region === 'auto' && TELLING_HOST.test(new URL(parts.endpoint).hostname);
    this.#signer = signerOf(parts.credentials, told ? null : parts.region);
  }

  get place(): S3Place {
    return this.#parts.place;
  }

  /** What is under way ends; nothing is asked afterwards. */
  close(): void {
    this.#closing.abort();
  }

  /**
   * @param take reads what it needs of the answer; where that fails for a while, the request is made again. Others wait for
   * its place meanwhile: a body that is read at leisure is best taken along.
   * @returns null where there is no such key, or not the bytes of it that were asked for.
   * @throws AppError `backend.denied`, `backend.missing`, `backend.unreachable`, `rpc.cancelled`.
   */
  async ask<T>(order: S3Order, take: (answer: S3Answer) => Promise<T>): Promise<T | null> {
    const signal = this.#signalOf(order);
    for (let failures = 1; ; failures++) {
      try {
        signal.throwIfAborted();
        return await this.#pool.run(() => this.#attempt(order, signal, take), signal);
      } catch (error) {
        await this.pause(failures, error, order);
      }
    }
  }

  /** Waits before the next attempt. @throws what another attempt would not mend, or what ended the last one. */
  async pause(failures: number, error: unknown, order: S3Order): Promise<void> {
    this.#throwIfEnded(order);
    if (!(error instanceof TemporaryFailure)) throw error;
    const { clock, retries } = this.#parts;
    const delay = retryDelayMs(failures, error.askedMs, clock.dice(), order.retries ?? retries);
    if (delay === null) throw error.error;
    await clock.sleep(delay, this.#signalOf(order)).catch((reason: unknown) => {
      this.#throwIfEnded(order);
      throw reason;
    });
  }

  async #attempt<T>(
    order: S3Order,
    signal: AbortSignal,
    take: (answer: S3Answer) => Promise<T>,
  ): Promise<T | null> {
    const { clock, place, stallMs } = this.#parts;
    const request = new Stallable(stallMs, signal);
    const response = await request.within(this.#send(order, request.signal));
    if (response === null) throw new TemporaryFailure(silenceError(place, stallMs));
    const answer = new S3Answer(place, response, request);
    if (response.ok) return take(answer);
    if (isTemporary(response.status)) {
      await answer.discard();
      const asked = retryAfterMs(response.headers.get('Retry-After'), clock.now());
      throw new TemporaryFailure(serviceError(place, response.status), asked);
    }
    // What HEAD announces does not come.
    const refusal = readRefusal(response.status, order.method === 'HEAD' ? '' : await answer.text());
    if (order.key !== '' && isAbsence(refusal)) return null;
    if (this.#adopt(refusal)) return this.#attempt(order, signal, take);
    throw explainRefusal(refusal, place, clock.now());
  }

  async #send(order: S3Order, signal: AbortSignal): Promise<Response> {
    const { fetch, online, place } = this.#parts;
    const request = await this.#sign(order, signal);
    try {
      return await fetch(request);
    } catch (cause) {
      signal.throwIfAborted();
      throw new TemporaryFailure(networkError(place, online(), pageOrigin(), cause));
    }
  }

  async #sign(order: S3Order, signal: AbortSignal): Promise<Request> {
    const { method, key, query = {}, headers = {}, body } = order;
    const { clock, endpoint, place } = this.#parts;
    const url = new URL(
      `${endpoint}/${encodePart(place.bucket)}/${key.split('/').map(encodePart).join('/')}`,
    );
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    // With it the service refuses bytes that were changed on their way.
    const hash = body === undefined ? {} : { 'X-Amz-Content-Sha256': await sha256(body) };
    return this.#signer.sign(url, {
      method,
      headers: { ...headers, ...hash },
      ...(body === undefined ? {} : { body }),
      signal,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      // Keys and session tokens stay with the host that they were given for.
      redirect: 'error',
      aws: { datetime: amzDate(clock.now()) },
    });
  }

  /** Where no region was set, that of the service's answer is taken, once. */
  #adopt({ code, region }: S3Refusal): boolean {
    const { region: chosen, credentials } = this.#parts;
    if (code !== 'AuthorizationHeaderMalformed' || region === null) return false;
    if (chosen !== 'auto' || this.#adopted === region) return false;
    this.#adopted = region;
    this.#signer = signerOf(credentials, region);
    return true;
  }

  #signalOf({ signal }: S3Order): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, signal]);
  }

  #throwIfEnded({ signal }: S3Order): void {
    if (this.#closing.signal.aborted) throw closedError(this.#parts.place.location);
    if (signal?.aborted === true) throw cancelledError();
  }
}

function signerOf(credentials: S3Credentials, region: string | null): AwsClient {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return new AwsClient({
    accessKeyId,
    secretAccessKey,
    service: 's3',
    ...(sessionToken === null ? {} : { sessionToken }),
    ...(region === null ? {} : { region }),
  });
}

/** No such key, or no such part of it. */
function isAbsence({ status, code }: S3Refusal): boolean {
  return status === 416 || (status === 404 && code !== 'NoSuchBucket');
}

/** As SigV4 wants it: more is encoded than addresses need. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `20260131T120000Z` */
function amzDate(now: number): string {
  return new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, '');
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function pageOrigin(): string {
  return 'location' in globalThis ? globalThis.location.origin : 'the origin of this page';
}
