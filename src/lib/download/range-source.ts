// Asks a server for bytes of one file. Headers of the caller (a token) go to the first address only: where that leads to
// another host, the address found there is remembered and asked without them. It reads no bodies and retries nothing.
import type { AppError } from '../errors';
import type { ByteRange } from './byte-ranges';
import {
  lengthError,
  offlineError,
  rateLimitedError,
  refusedError,
  serverError,
  TemporaryFailure,
  unreachableError,
} from './download-errors';
import { isTemporary, retryAfterMs } from './retry-policy';

export interface RangeSourceParts {
  fetch: typeof fetch;
  /** Of the file, for messages. */
  name: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The host's own words for a refusal; null leaves it to us. */
  explain: (response: Response) => AppError | null;
  now: () => number;
  online: () => boolean;
}

export interface RangeAnswer {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** false: ranges were ignored and this is the file from its start. */
  ranged: boolean;
  /** Of the whole file; null where the server does not say. */
  totalBytes: number | null;
  /** Without the mark of weak ones; null where the server hides it. */
  etag: string | null;
}

export class RangeSource {
  readonly #parts: RangeSourceParts;
  /** Where the first address led. Such addresses are signed and end after a while. */
  #direct: string | null = null;

  constructor(parts: RangeSourceParts) {
    this.#parts = parts;
  }

  /**
   * @throws TemporaryFailure for what may pass; AppError for what may not; the signal's reason when it fires.
   */
  async open(range: ByteRange, signal: AbortSignal): Promise<RangeAnswer> {
    const direct = this.#direct;
    const response = await this.#ask(direct ?? this.#parts.url, direct === null, range, signal);
    if (direct !== null && !response.ok && !isTemporary(response.status)) {
      await discard(response);
      this.#direct = null;
      return this.open(range, signal);
    }
    if (!response.ok) throw await this.#refusal(response, range);
    if (response.redirected && hostOf(response.url) !== hostOf(this.#parts.url)) {
      this.#direct = response.url;
    }
    return this.#answer(response, range);
  }

  async #ask(url: string, first: boolean, range: ByteRange, signal: AbortSignal): Promise<Response> {
    const { fetch, headers, online } = this.#parts;
    try {
      return await fetch(url, {
        headers: { ...(first ? headers : {}), Range: `bytes=${range.start}-${range.end - 1}` },
        signal,
        // Gigabytes have no place in the browser's cache, and cookies none in this.
        cache: 'no-store',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new TemporaryFailure(
        online() ? unreachableError(hostOf(url), cause) : offlineError(hostOf(url), cause),
      );
    }
  }

  async #refusal(response: Response, range: ByteRange): Promise<Error> {
    await discard(response);
    const { name, explain, now } = this.#parts;
    const { status } = response;
    const host = hostOf(response.url);
    if (isTemporary(status)) {
      const askedMs = retryAfterMs(response.headers.get('Retry-After'), now());
      const until = askedMs === null ? null : now() + askedMs;
      return new TemporaryFailure(
        status === 429 ? rateLimitedError(host, until) : serverError(host, status),
        askedMs,
      );
    }
    if (status === 416) {
      return lengthError(name, range.end, totalIn(response.headers.get('Content-Range')) ?? range.start);
    }
    return explain(response) ?? refusedError(name, status);
  }

  #answer(response: Response, range: ByteRange): RangeAnswer {
    const { headers } = response;
    const body = response.body ?? new Blob([]).stream();
    const etag = headers.get('ETag')?.replace(/^W\//, '') ?? null;
    if (response.status !== 206) {
      // The length of an encoded body is not that of the file.
      const length = headers.has('Content-Encoding') ? null : headers.get('Content-Length');
      return { body, ranged: false, totalBytes: length === null ? null : Number(length), etag };
    }
    const contentRange = headers.get('Content-Range');
    const start = contentRange === null ? range.start : Number(/^bytes (\d+)-/.exec(contentRange)?.[1]);
    if (start !== range.start) {
      throw new TemporaryFailure(
        refusedError(`${this.#parts.name} from byte ${range.start}`, response.status),
      );
    }
    return { body, ranged: true, totalBytes: totalIn(contentRange), etag };
  }
}

/** `bytes 0-7/1000`, or `bytes *` and the total of a refused range. */
function totalIn(contentRange: string | null): number | null {
  const total = /^bytes [^/]+\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

/** Leaves the connection to others. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
