// Whole models from a local server that behaves like the hub, with the downloader as it is.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer } from '../../../tests/support/hub-server';
import { MemoryDownloadRecords } from '../../lib/download/download-records';
import { Downloader } from '../../lib/download/downloader';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import { PiecePartialFiles } from '../../lib/storage/piece-partial-files';
import type { HubDownload, HubDownloadEvent, HubDownloadRequest } from '../../protocol/hub';
import { HubClient } from './hub-client';
import { HubDownloads, type HubManifests } from './hub-downloads';

const ID = 'tiny/model';
const weights = new Uint8Array(200_000).map((_, index) => index % 253);
const CONFIG = '{"model_type":"llama"}';

let hub: HubServer;
let client: HubClient;
let blobs: MemoryBlobStore;
let downloads: HubDownloads;

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  hub.faults = [];
  hub.requests.length = 0;
  hub.tokens.clear();
  hub.add(ID, { 'config.json': CONFIG, 'tokenizer.json': '{}', 'model.safetensors': weights });
  blobs = new MemoryBlobStore();
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve(), dice: () => 0 };
  const records = new MemoryDownloadRecords();
  client = new HubClient({ fetch, endpoint: hub.url, clock, online: () => true });
  const downloader = new Downloader({
    fetch,
    partials: new PiecePartialFiles(blobs),
    records,
    clock,
    online: () => true,
    limits: { pieceBytes: 20_000, commitBytes: 20_000, progressMs: 0 },
  });
  downloads = new HubDownloads({
    downloader,
    records,
    manifests: memoryManifests(),
    blobs,
    now: () => 1,
  });
});

function memoryManifests(): HubManifests {
  const kept = new Map<string, HubDownload>();
  return {
    list: () => Promise.resolve([...kept.values()]),
    get: (id) => Promise.resolve(kept.get(id) ?? null),
    put: (download) => Promise.resolve(void kept.set(download.id, download)),
    delete: (id) => Promise.resolve(void kept.delete(id)),
  };
}

async function request(token: string | null = null): Promise<HubDownloadRequest> {
  const { id, commit, license, choices } = await client.inspect(ID, token);
  const [choice] = choices;
  if (choice === undefined) throw new Error('nothing to choose');
  return { repositoryId: id, commit, license, choice };
}

async function all(events: AsyncIterable<HubDownloadEvent>): Promise<HubDownloadEvent[]> {
  const seen: HubDownloadEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe('hub downloads', () => {
  test('hub downloads: a model comes whole, with its files by name', async () => {
    const events = await all(downloads.download(await request(), client, null));
    const outcome = events.at(-1);
    if (outcome?.type !== 'outcome') throw new Error('no outcome');
    expect(outcome.files.map(({ name }) => name)).toEqual([
      'config.json',
      'tokenizer.json',
      'model.safetensors',
    ]);
    expect(await outcome.files[0]?.blob.text()).toBe(CONFIG);
    expect(new Uint8Array((await outcome.files[2]?.blob.arrayBuffer()) ?? []).length).toBe(weights.length);
    const total = CONFIG.length + 2 + weights.length;
    expect(events.findLast(({ type }) => type === 'progress')).toMatchObject({
      progress: { bytes: total, totalBytes: total, file: 'model.safetensors' },
    });
    expect(await downloads.list()).toMatchObject([{ keptBytes: total, running: false }]);
  });

  test('hub downloads: leaving the stream is a pause; the next call goes on', async () => {
    const asked = await request();
    for await (const event of downloads.download(asked, client, null)) {
      if (event.type === 'progress' && event.progress.bytes > 100_000) break;
    }
    const [state] = await downloads.list();
    expect(state).toMatchObject({ repositoryId: ID, running: false });
    expect(state?.keptBytes).toBeGreaterThan(100_000);
    hub.requests.length = 0;
    const events = await all(downloads.download(asked, client, null));
    expect(events.at(-1)).toMatchObject({ type: 'outcome' });
    // What was whole is not asked for again, nor is most of the rest: 200 000 bytes in pieces of 20 000 would be ten.
    expect(hub.asked('hub', /config\.json/)).toEqual([]);
    expect(hub.asked('cdn', /./).length).toBeLessThan(10);
  });

  test('hub downloads: the commit that was chosen is fetched, whatever became of the branch', async () => {
    const asked = await request();
    for await (const event of downloads.download(asked, client, null)) if (event.type === 'started') break;
    const moved = hub.repositories.get(ID);
    if (moved !== undefined) moved.revisions = [];
    expect((await all(downloads.download(asked, client, null))).at(-1)).toMatchObject({ type: 'outcome' });
  });

  test('hub downloads: discarding leaves nothing', async () => {
    await all(downloads.download(await request(), client, null));
    const [state] = await downloads.list();
    await downloads.discard(state?.id ?? '');
    expect(await blobs.list('')).toEqual([]);
    expect(await downloads.list()).toEqual([]);
  });

  test('hub downloads: discarding one that runs stops it first', async () => {
    const reading = downloads.download(await request(), client, null);
    const started = await reading.next();
    expect(started.value).toMatchObject({ type: 'started' });
    const progress = await reading.next();
    expect(progress.value).toMatchObject({ type: 'progress' });
    const [state] = await downloads.list();
    expect(state?.running).toBe(true);
    await downloads.discard(state?.id ?? '');
    await expect(all(reading)).rejects.toMatchObject({ code: 'download.stopped' });
    expect(await blobs.list('')).toEqual([]);
  });

  test('hub downloads: the same download does not run twice at once', async () => {
    const asked = await request();
    const first = downloads.download(asked, client, null);
    await first.next();
    await expect(all(downloads.download(asked, client, null))).rejects.toMatchObject({
      code: 'storage.busy',
    });
    await first.return(undefined);
  });

  test('hub downloads: access that ended is told with the file', async () => {
    const asked = await request();
    hub.add(ID, Object.fromEntries(hub.repositories.get(ID)?.files ?? []), { gated: true });
    await expect(all(downloads.download(asked, client, null))).rejects.toMatchObject({
      code: 'hub.gated',
      details: { file: 'tokenizer.json' },
    });
  });

  test('hub downloads: a file that is gone is named', async () => {
    const asked = await request();
    hub.repositories.get(ID)?.files.delete('model.safetensors');
    await expect(all(downloads.download(asked, client, null))).rejects.toMatchObject({
      code: 'hub.file-not-found',
      details: { file: 'model.safetensors' },
    });
  });

  test('hub downloads: a path that leads out of the folder is refused', async () => {
    const asked = await request();
    const [file] = asked.choice.files;
    if (file === undefined) throw new Error('no file');
    const choice = { ...asked.choice, files: [{ ...file, path: '../../models/x/config.json' }] };
    await expect(all(downloads.download({ ...asked, choice }, client, null))).rejects.toMatchObject({
      code: 'storage.bad-path',
    });
    expect(await downloads.list()).toEqual([]);
  });
});
