// Downloads one file into the blob store, over as many sessions as it takes: partial file, record of what is in it,
// check of size and hash, move into place. Stopping it (its signal, a closed tab) keeps what is here; `discard` does not.
import { hasCode, type AppError } from '../errors';
import type { PartialFile, PartialFiles } from '../storage/partial-files';
import { isQuotaError, quotaError } from '../storage/quota';
import { bytesIn, type ByteRange } from './byte-ranges';
import { checksumError, hashBlob, type Checksum } from './checksum';
import { changedError, lengthError, noRoomError, stoppedError } from './download-errors';
import type { DownloadRecord, DownloadRecords } from './download-records';
import { RangeSource, type RangeAnswer } from './range-source';
import { DEFAULT_RETRIES } from './retry-policy';
import { SpeedMeter } from './speed-meter';
import { Transfer, type TransferClock, type TransferLimits } from './transfer';

export interface DownloadRequest {
  /** Names the download between sessions. */
  id: string;
  url: string;
  /** For the host of `url` only; not kept. */
  headers?: Readonly<Record<string, string>>;
  /** Path in the blob store. Until it is whole it lies under this path and `.part`. */
  target: string;
  /** null where only the server knows. */
  sizeBytes: number | null;
  checksum: Checksum | null;
  /** The host's own words for a refusal; null leaves it to the downloader. */
  explain?: (response: Response) => AppError | null;
}

export interface DownloadProgress {
  phase: 'downloading' | 'waiting' | 'verifying';
  /** Received, or hashed while verifying. */
  bytes: number;
  totalBytes: number | null;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
  /** When the next attempt is made, since the epoch; only while waiting. */
  retryAtMs: number | null;
}

export interface DownloadedFile {
  path: string;
  sizeBytes: number;
  /** What it was proven against; null where the size is all that was known. */
  checksum: Checksum | null;
}

export interface DownloadLimits extends TransferLimits {
  /** Bytes and time after which what arrived is written down. */
  commitBytes: number;
  commitMs: number;
  progressMs: number;
}

export const DEFAULT_DOWNLOAD_LIMITS: DownloadLimits = {
  connections: 4,
  pieceBytes: 16 * 2 ** 20,
  stallMs: 30_000,
  retries: DEFAULT_RETRIES,
  commitBytes: 16 * 2 ** 20,
  commitMs: 2000,
  progressMs: 200,
};

export interface DownloaderParts {
  fetch: typeof fetch;
  partials: PartialFiles;
  records: DownloadRecords;
  clock: TransferClock;
  online: () => boolean;
  limits?: Partial<DownloadLimits>;
}

export type OnProgress = (progress: DownloadProgress) => void;

/** The file on the server is another one than before. */
class Changed extends Error {
  readonly was: string;
  readonly is: string;

  constructor(was: string, is: string) {
    super(`${was} became ${is}`);
    this.was = was;
    this.is = is;
  }
}

const MOST_RESTARTS = 2;

export class Downloader {
  readonly #parts: DownloaderParts;
  readonly #limits: DownloadLimits;

  constructor(parts: DownloaderParts) {
    this.#parts = parts;
    this.#limits = { ...DEFAULT_DOWNLOAD_LIMITS, ...parts.limits };
  }

  /**
   * Goes on from what an earlier session left.
   * @throws AppError `download.stopped` when the signal fires, `storage.quota` (both keep what is here),
   * `download.checksum` (which does not), `storage.busy`, or the reason of the server or the network.
   */
  async download(
    request: DownloadRequest,
    signal: AbortSignal,
    onProgress: OnProgress = () => undefined,
  ): Promise<DownloadedFile> {
    for (let restarts = 0; ; restarts++) {
      const session = new DownloadSession(this.#parts, this.#limits, request, onProgress);
      try {
        return await session.run(signal);
      } catch (error) {
        if (!(error instanceof Changed)) throw await session.explain(error, signal);
        if (restarts === MOST_RESTARTS) throw changedError(nameOf(request.target), error.was, error.is);
        await this.discard(request.id, request.target);
      }
    }
  }

  /** Removes what is here of an unfinished download. */
  async discard(id: string, target: string): Promise<void> {
    await this.#parts.partials.remove(partOf(target));
    await this.#parts.records.delete(id);
  }
}

class DownloadSession {
  readonly #parts: DownloaderParts;
  readonly #limits: DownloadLimits;
  readonly #request: DownloadRequest;
  readonly #onProgress: OnProgress;
  readonly #meter = new SpeedMeter();
  #record: DownloadRecord;
  #file: PartialFile | null = null;
  #transfer: Transfer | null = null;
  #arrived = 0;
  #committedAt = { bytes: 0, ms: 0 };
  #committing: Promise<void> | null = null;
  #reportedMs = 0;

  constructor(
    parts: DownloaderParts,
    limits: DownloadLimits,
    request: DownloadRequest,
    onProgress: OnProgress,
  ) {
    this.#parts = parts;
    this.#limits = limits;
    this.#request = request;
    this.#onProgress = onProgress;
    this.#record = freshRecord(request, parts.clock.now());
  }

  async run(signal: AbortSignal): Promise<DownloadedFile> {
    signal.throwIfAborted();
    await this.#recall();
    if (!this.#record.verified) {
      await this.#fetchMissing(signal);
      await this.#verify(signal);
    }
    const { target } = this.#request;
    const sizeBytes = this.#record.sizeBytes ?? 0;
    await this.#parts.partials.publish(partOf(target), sizeBytes, target);
    await this.#parts.records.delete(this.#request.id);
    return { path: target, sizeBytes, checksum: this.#record.checksum };
  }

  /** What leaves as an error: a stop and a full disk say what is kept. */
  async explain(error: unknown, signal: AbortSignal): Promise<unknown> {
    const name = nameOf(this.#request.target);
    const { sizeBytes } = this.#record;
    const kept = bytesIn(this.#record.ranges);
    if (isQuotaError(error) || hasCode(error, 'storage.quota')) {
      const missing = (sizeBytes ?? kept) - kept;
      const full = hasCode(error, 'storage.quota') ? error : await quotaError(name, missing, error);
      return noRoomError(name, full, kept, sizeBytes ?? kept);
    }
    if (signal.aborted) return stoppedError(name, kept, sizeBytes);
    return error;
  }

  /** What an earlier session left, where it is of the same file and still there. */
  async #recall(): Promise<void> {
    const { partials, records } = this.#parts;
    const { id, target } = this.#request;
    const kept = await records.get(id);
    if (kept !== null && isSameFile(kept, this.#record)) {
      const part = await partials.read(partOf(target), Number.MAX_SAFE_INTEGER);
      const end = kept.ranges.at(-1)?.end ?? 0;
      if (part !== null && part.size >= end) {
        this.#record = { ...kept, checksum: this.#record.checksum };
        return;
      }
    }
    // Something else, or a record whose bytes were evicted.
    await partials.remove(partOf(target));
  }

  async #fetchMissing(signal: AbortSignal): Promise<void> {
    const { partials, clock } = this.#parts;
    if (this.#record.sizeBytes !== null && bytesIn(this.#record.ranges) >= this.#record.sizeBytes) return;
    const file = await partials.open(partOf(this.#request.target));
    this.#file = file;
    const transfer = this.#newTransfer(file, this.#record.ranges);
    this.#transfer = transfer;
    this.#committedAt = { bytes: 0, ms: clock.now() };
    this.#meter.mark(clock.now(), 0);
    this.#report('downloading');
    try {
      await transfer.run(signal);
    } catch (error) {
      // What came is kept. A full disk may not even take the record, which then lags behind the file.
      await this.#close(file).catch(() => undefined);
      throw error;
    }
    await this.#close(file);
    this.#report('downloading', true);
  }

  #newTransfer(file: PartialFile, ranges: readonly ByteRange[]): Transfer {
    const { fetch, clock, online } = this.#parts;
    const { url, headers = {}, explain = () => null, target } = this.#request;
    const name = nameOf(target);
    return new Transfer({
      name,
      source: new RangeSource({ fetch, name, url, headers, explain, now: clock.now, online }),
      file,
      sizeBytes: this.#record.sizeBytes,
      ranges,
      limits: this.#limits,
      clock,
      check: (answer) => this.#check(answer),
      onBytes: (count) => this.#onBytes(count),
      onWait: (untilMs) => this.#report('waiting', true, untilMs),
    });
  }

  #check({ etag }: RangeAnswer): void {
    const known = this.#record.etag;
    if (etag !== null && known !== null && etag !== known) throw new Changed(known, etag);
    this.#record = { ...this.#record, etag: known ?? etag };
  }

  #onBytes(count: number): Promise<void> | void {
    const now = this.#parts.clock.now();
    this.#arrived += count;
    this.#meter.mark(now, this.#arrived);
    this.#report('downloading');
    const { bytes, ms } = this.#committedAt;
    if (this.#arrived - bytes < this.#limits.commitBytes && now - ms < this.#limits.commitMs) return;
    this.#committedAt = { bytes: this.#arrived, ms: now };
    this.#committing ??= this.#commit().finally(() => (this.#committing = null));
    return this.#committing;
  }

  /** The record never says more than what was flushed. */
  async #commit(): Promise<void> {
    if (this.#transfer === null || this.#file === null) return;
    const ranges = [...this.#transfer.ranges];
    const { sizeBytes } = this.#transfer;
    await this.#file.flush();
    this.#record = { ...this.#record, ranges, sizeBytes, updatedAt: this.#parts.clock.now() };
    await this.#parts.records.put(this.#record);
  }

  async #close(file: PartialFile): Promise<void> {
    try {
      await this.#committing;
      await this.#commit();
    } finally {
      this.#file = null;
      await file.close();
    }
  }

  /** @throws AppError `download.length`, `download.checksum`; the bytes are worth nothing then and are removed. */
  async #verify(signal: AbortSignal): Promise<void> {
    const { partials, records } = this.#parts;
    const { target, checksum } = this.#request;
    const sizeBytes = this.#record.sizeBytes ?? 0;
    const part = partOf(target);
    const blob = (await partials.read(part, sizeBytes)) ?? new Blob([]);
    if (blob.size !== sizeBytes) await this.#reject(lengthError(nameOf(target), sizeBytes, blob.size));
    if (checksum !== null) {
      const onBytes = (bytes: number): void => this.#reportVerified(bytes);
      const found = await hashBlob(blob, checksum.algorithm, { onBytes, signal });
      if (found !== checksum.hex) await this.#reject(checksumError(nameOf(target), checksum, found));
    }
    this.#record = { ...this.#record, verified: true };
    await records.put(this.#record);
  }

  async #reject(error: AppError): Promise<never> {
    await this.#parts.partials.remove(partOf(this.#request.target));
    await this.#parts.records.delete(this.#request.id);
    throw error;
  }

  #report(phase: 'downloading' | 'waiting', always = false, retryAtMs: number | null = null): void {
    const now = this.#parts.clock.now();
    if (!this.#isDue(now, always)) return;
    const bytes = this.#transfer?.receivedBytes ?? 0;
    const totalBytes = this.#transfer?.sizeBytes ?? this.#record.sizeBytes;
    const bytesPerSecond = this.#meter.bytesPerSecond(now);
    const secondsLeft = totalBytes === null ? null : this.#meter.secondsLeft(now, totalBytes - bytes);
    this.#onProgress({ phase, bytes, totalBytes, bytesPerSecond, secondsLeft, retryAtMs });
  }

  #reportVerified(bytes: number): void {
    const totalBytes = this.#record.sizeBytes;
    if (!this.#isDue(this.#parts.clock.now(), bytes === totalBytes)) return;
    const unknown = { bytesPerSecond: null, secondsLeft: null, retryAtMs: null };
    this.#onProgress({ phase: 'verifying', bytes, totalBytes, ...unknown });
  }

  #isDue(now: number, always: boolean): boolean {
    if (!always && now - this.#reportedMs < this.#limits.progressMs) return false;
    this.#reportedMs = now;
    return true;
  }
}

/** Where the file lies until it is whole. */
export function partOf(target: string): string {
  return `${target}.part`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function freshRecord(request: DownloadRequest, now: number): DownloadRecord {
  const { id, url, target, sizeBytes, checksum } = request;
  return {
    id,
    url,
    target,
    sizeBytes,
    etag: null,
    checksum,
    ranges: [],
    verified: false,
    updatedAt: now,
  };
}

/** An address may change (another mirror) as long as the content is named by its hash. */
function isSameFile(kept: DownloadRecord, asked: DownloadRecord): boolean {
  if (kept.target !== asked.target) return false;
  if (asked.sizeBytes !== null && kept.sizeBytes !== null && kept.sizeBytes !== asked.sizeBytes) return false;
  if (asked.checksum !== null) return kept.checksum?.hex === asked.checksum.hex;
  return kept.url === asked.url && kept.checksum === null;
}
