// Against a local hub with a CDN of another origin. Time is the test's: waits end at once and are written down.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer, sha256 } from '../../../tests/support/hub-server';
import { MemoryBlobStore } from '../storage/memory-blob-store';
import { PiecePartialFiles } from '../storage/piece-partial-files';
import type { PartialFiles } from '../storage/partial-files';
import { MemoryDownloadRecords } from './download-records';
import { Downloader, type DownloaderParts, type DownloadProgress, type DownloadRequest } from './downloader';

const REPOSITORY = 'tiny/model';
const NAME = 'model.safetensors';
const TARGET = `downloads/${NAME}`;
const SIZE = 300_000;
const PIECE = 64_000;
const content = new Uint8Array(SIZE).map((_, index) => (index * 7 + (index >> 8)) % 256);

let hub: HubServer;
let waits: number[];
/** Ranges that were asked for. The server's own log may still get requests of a session that was stopped. */
let asked: string[];
let store: MemoryBlobStore;
let records: MemoryDownloadRecords;

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  hub.faults = [];
  hub.requests.length = 0;
  hub.ranges = true;
  hub.add(REPOSITORY, { [NAME]: content });
  waits = [];
  asked = [];
  store = new MemoryBlobStore();
  records = new MemoryDownloadRecords();
});

function downloader(parts: Partial<DownloaderParts> = {}): Downloader {
  let now = 0;
  return new Downloader({
    fetch: (url, options) => {
      asked.push(new Headers(options?.headers).get('Range') ?? '');
      return fetch(url, options);
    },
    partials: new PiecePartialFiles(store),
    records,
    clock: {
      now: () => (now += 10),
      sleep: (milliseconds, signal) => {
        waits.push(milliseconds);
        now += milliseconds;
        return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve();
      },
      dice: () => 1,
    },
    online: () => true,
    ...parts,
    limits: { pieceBytes: PIECE, connections: 3, commitBytes: PIECE, progressMs: 0, ...parts.limits },
  });
}

const request = (more: Partial<DownloadRequest> = {}): DownloadRequest => ({
  id: 'one',
  url: `${hub.url}/${REPOSITORY}/resolve/main/${NAME}`,
  target: TARGET,
  sizeBytes: SIZE,
  checksum: { algorithm: 'sha256', hex: sha256(content) },
  ...more,
});

const never = new AbortController().signal;

/** Hash of what is in place. */
async function kept(): Promise<string> {
  return sha256(new Uint8Array((await (await store.read(TARGET))?.arrayBuffer()) ?? new ArrayBuffer(0)));
}

/** Bytes that were asked for. */
function askedBytes(): number {
  const ranges = asked.map((range) => /^bytes=(\d+)-(\d+)$/.exec(range));
  return ranges.reduce((sum, range) => sum + Number(range?.[2]) - Number(range?.[1]) + 1, 0);
}

/** Goes on until `bytes` are here, then stops as a closed tab would. */
async function interrupted(bytes: number): Promise<void> {
  const tab = new AbortController();
  const stop = ({ bytes: here }: DownloadProgress): void => {
    if (here >= bytes) tab.abort();
  };
  await expect(downloader().download(request(), tab.signal, stop)).rejects.toMatchObject({
    code: 'download.stopped',
  });
}

describe('downloader: a file', () => {
  test('downloader: comes in ranges through the redirect, is proven and put in place', async () => {
    const progress: DownloadProgress[] = [];
    const file = await downloader().download(request(), never, (step) => progress.push(step));
    expect(file).toEqual({ path: TARGET, sizeBytes: SIZE, checksum: request().checksum });
    expect(await kept()).toBe(sha256(content));
    // 300 000 bytes in pieces of 64 000.
    expect(hub.asked('cdn', /./)).toHaveLength(5);
    expect(askedBytes()).toBe(SIZE);
    expect((await store.list('')).map(({ path }) => path)).toEqual([TARGET]);
    expect(await records.get('one')).toBeNull();
    expect(progress.filter(({ phase }) => phase === 'downloading').at(-1)).toMatchObject({
      bytes: SIZE,
      totalBytes: SIZE,
      secondsLeft: 0,
    });
    expect(progress.at(-1)).toMatchObject({ phase: 'verifying', bytes: SIZE });
  });

  test('downloader: the size may be unknown at the start', async () => {
    const file = await downloader().download(request({ sizeBytes: null, checksum: null }), never);
    expect(file).toMatchObject({ sizeBytes: SIZE, checksum: null });
    expect(await kept()).toBe(sha256(content));
  });

  test('downloader: an empty file is a file', async () => {
    await downloader().download(request({ sizeBytes: 0, checksum: null }), never);
    expect((await store.read(TARGET))?.size).toBe(0);
    expect(hub.requests).toEqual([]);
  });

  test('downloader: a server without ranges sends it in one go', async () => {
    hub.ranges = false;
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(hub.asked('cdn', /./)).toHaveLength(1);
  });

  test('downloader: a server without ranges is asked anew after a cut', async () => {
    hub.ranges = false;
    hub.faults = [{ where: 'cdn', path: /./, times: 1, kind: 'cut', afterBytes: 100_000 }];
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(hub.asked('cdn', /./)).toHaveLength(2);
  });

  test('downloader: the token goes to the hub and never to the CDN', async () => {
    hub.add(REPOSITORY, { [NAME]: content }, { gated: true });
    hub.tokens.set('hf_secret', new Set([REPOSITORY]));
    await downloader().download(request({ headers: { Authorization: 'Bearer hf_secret' } }), never);
    expect(hub.asked('hub', /./).map(({ authorization }) => authorization)).toEqual(['Bearer hf_secret']);
    expect(hub.asked('cdn', /./).map(({ authorization }) => authorization)).toEqual(Array(5).fill(null));
  });

  test('downloader: a signed address that ends is asked for again', async () => {
    const expireOnce = ({ bytes }: DownloadProgress): void => {
      if (bytes > 0 && hub.asked('hub', /./).length === 1) hub.expireSignatures();
    };
    await downloader({ limits: { connections: 1 } }).download(request(), never, expireOnce);
    expect(await kept()).toBe(sha256(content));
    expect(hub.asked('hub', /./)).toHaveLength(2);
  });
});

describe('downloader: going on', () => {
  test('downloader: a cut costs only what had not come', async () => {
    hub.faults = [{ where: 'cdn', path: /./, times: 2, kind: 'cut', afterBytes: 20_000 }];
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    // Two requests of 64 000 broke off after 20 000 each and asked for the other 44 000.
    expect(askedBytes()).toBe(SIZE + 2 * 44_000);
  });

  test('downloader: a new session asks only for what the one before had not got', async () => {
    await interrupted(150_000);
    const here = (await records.get('one'))?.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    expect(here).toBeGreaterThanOrEqual(150_000);
    asked = [];
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(askedBytes()).toBe(SIZE - (here ?? 0));
  });

  test('downloader: a record whose bytes are gone counts for nothing', async () => {
    await interrupted(150_000);
    await store.remove(`${TARGET}.part`);
    asked = [];
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(askedBytes()).toBe(SIZE);
  });

  test('downloader: another file on the server starts it anew', async () => {
    await interrupted(150_000);
    const other = content.map((byte) => byte ^ 0xff);
    hub.add(REPOSITORY, { [NAME]: other });
    asked = [];
    // The hash is unknown, as on servers that tell none: only the ETag says that it changed.
    const record = await records.get('one');
    if (record !== null) await records.put({ ...record, checksum: null });
    await downloader().download(request({ checksum: null }), never);
    expect(await kept()).toBe(sha256(other));
    expect(askedBytes()).toBeGreaterThanOrEqual(SIZE);
  });

  test('downloader: discarding leaves neither bytes nor record', async () => {
    await interrupted(150_000);
    expect((await store.list('')).length).toBeGreaterThan(0);
    await downloader().discard('one', TARGET);
    expect(await store.list('')).toEqual([]);
    expect(await records.get('one')).toBeNull();
  });
});

describe('downloader: trouble', () => {
  test('downloader: waits as long as the server asks, then goes on', async () => {
    const busy = { status: 429, headers: { 'Retry-After': '9' } };
    hub.faults = [{ where: 'hub', path: /./, times: 1, kind: 'status', ...busy }];
    const waiting: DownloadProgress[] = [];
    await downloader().download(request(), never, (step) => {
      if (step.phase === 'waiting') waiting.push(step);
    });
    expect(waits).toEqual([9000]);
    expect(waiting).toHaveLength(1);
    expect(waiting[0]?.retryAtMs).toBeGreaterThan(9000);
    expect(await kept()).toBe(sha256(content));
  });

  test('downloader: says until when it is refused where that is too long to wait', async () => {
    const busy = { status: 429, headers: { 'Retry-After': '3600' } };
    hub.faults = [{ where: 'hub', path: /./, times: 1, kind: 'status', ...busy }];
    const failure = downloader().download(request(), never);
    await expect(failure).rejects.toMatchObject({
      code: 'download.rate-limited',
      details: { until: expect.stringMatching(/^1970-01-01T01:00:00/) as unknown },
    });
    expect(waits).toEqual([]);
  });

  test('downloader: waits longer after each failure of the server, and gives up', async () => {
    hub.faults = [{ where: 'cdn', path: /./, times: 99, kind: 'status', status: 503 }];
    await expect(downloader().download(request(), never)).rejects.toMatchObject({
      code: 'download.server-error',
      details: { status: 503 },
    });
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  test('downloader: a connection that goes silent is given up and made again', async () => {
    hub.faults = [{ where: 'cdn', path: /./, times: 1, kind: 'stall', afterBytes: 1000 }];
    await downloader({ limits: { stallMs: 60, connections: 1 } }).download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(waits).toEqual([500]);
  });

  test('downloader: a length that is not the announced one is told at once', async () => {
    hub.faults = [{ where: 'cdn', path: /./, times: 1, kind: 'size', sizeBytes: SIZE + 5 }];
    await expect(downloader().download(request(), never)).rejects.toMatchObject({
      code: 'download.length',
      details: { expected: SIZE, found: SIZE + 5 },
    });
  });

  test('downloader: too few bytes in one go are told, not waited for', async () => {
    hub.ranges = false;
    hub.faults = [{ where: 'cdn', path: /./, times: 1, kind: 'size', sizeBytes: SIZE - 5 }];
    await expect(downloader().download(request(), never)).rejects.toMatchObject({
      code: 'download.length',
      details: { expected: SIZE, found: SIZE - 5 },
    });
    expect(waits).toEqual([]);
  });

  test('downloader: wrong bytes are removed, and the next attempt is a fresh one', async () => {
    hub.faults = [{ where: 'cdn', path: /./, times: 5, kind: 'corrupt' }];
    await expect(downloader().download(request(), never)).rejects.toMatchObject({
      code: 'download.checksum',
    });
    expect(await store.list('')).toEqual([]);
    expect(await records.get('one')).toBeNull();
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
  });

  test('downloader: a host that does not answer, online and offline', async () => {
    const gone = request({ url: 'http://127.0.0.1:1/file' });
    await expect(downloader().download(gone, never)).rejects.toMatchObject({
      code: 'download.unreachable',
      details: { host: '127.0.0.1:1' },
    });
    await expect(downloader({ online: () => false }).download(gone, never)).rejects.toMatchObject({
      code: 'download.offline',
    });
  });

  test('downloader: a full disk keeps what is here and says how much is missing', async () => {
    await expect(
      downloader({ partials: fullAfter(130_000, new PiecePartialFiles(store)) }).download(request(), never),
    ).rejects.toMatchObject({ code: 'storage.quota', details: { sizeBytes: SIZE } });
    const here =
      (await records.get('one'))?.ranges.reduce((sum, { start, end }) => sum + end - start, 0) ?? 0;
    expect(here).toBeGreaterThan(0);
    asked = [];
    await downloader().download(request(), never);
    expect(await kept()).toBe(sha256(content));
    expect(askedBytes()).toBe(SIZE - here);
  });
});

/** Takes so many bytes, then has no room. */
function fullAfter(roomBytes: number, files: PartialFiles): PartialFiles {
  let left = roomBytes;
  return {
    read: (path, sizeBytes) => files.read(path, sizeBytes),
    publish: (path, sizeBytes, target) => files.publish(path, sizeBytes, target),
    remove: (path) => files.remove(path),
    async open(path) {
      const file = await files.open(path);
      return {
        flush: () => file.flush(),
        close: () => file.close(),
        write(at, bytes) {
          left -= bytes.byteLength;
          if (left < 0) return Promise.reject(new DOMException('No room.', 'QuotaExceededError'));
          return file.write(at, bytes);
        },
      };
    },
  };
}
