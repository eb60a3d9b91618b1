// The data worker's hub calls over a database, against a local server that behaves like the hub.
import 'fake-indexeddb/auto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HubServer } from '../../tests/support/hub-server';
import { openDatabase, type Database } from '../core/database';
import { AppError } from '../lib/errors';
import { browserClock } from '../lib/async/browser-clock';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import { PiecePartialFiles } from '../lib/storage/piece-partial-files';
import type { HubDownloadRequest } from '../protocol/hub';
import { createHubService, type HubService } from './hub-service';

const ID = 'tiny/model';
const TOKEN = 'hf_very_secret';

let hub: HubServer;

beforeAll(async () => {
  hub = await HubServer.start();
  const weights = new Uint8Array(3_000_000).map((_, index) => index % 241);
  hub.add(ID, { 'config.json': '{}', 'model.safetensors': weights }, { gated: true });
  hub.tokens.set(TOKEN, new Set([ID]));
});
afterAll(() => hub.stop());

/** As the data worker makes it at each start. */
function service(
  database: Database,
  blobs: MemoryBlobStore,
  endpoint: () => Promise<string> = () => Promise.resolve(hub.url),
): HubService {
  return createHubService({
    database,
    blobs,
    partials: new PiecePartialFiles(blobs),
    fetch,
    endpoint,
    clock: browserClock,
    online: () => true,
    beat: () => undefined,
  });
}

async function request(calls: HubService): Promise<HubDownloadRequest> {
  const { id, commit, license, choices } = await calls.inspectRepository(ID, TOKEN);
  const [choice] = choices;
  if (choice === undefined) throw new Error('nothing to choose');
  return { repositoryId: id, commit, license, choice };
}

describe('hub service', () => {
  test('hub service: a later start lists what an earlier one left, goes on with it, and discards it', async () => {
    const database = await openDatabase(crypto.randomUUID());
    const blobs = new MemoryBlobStore();
    const first = service(database, blobs);
    const asked = await request(first);
    for await (const event of first.downloadModel(asked, TOKEN)) {
      if (event.type === 'progress' && event.progress.bytes > 100_000) break;
    }
    expect(first.downloading).toBe(false);

    const second = service(database, blobs);
    const [left] = await second.listDownloads();
    expect(left).toMatchObject({ repositoryId: ID, running: false });
    expect(left?.keptBytes).toBeGreaterThan(100_000);
    for await (const event of second.downloadModel(asked, TOKEN)) {
      if (event.type === 'outcome')
        expect(event.files.map(({ name }) => name)).toContain('model.safetensors');
    }
    await second.discardDownload(left?.id ?? '');
    expect(await second.listDownloads()).toEqual([]);
    expect(await blobs.list('')).toEqual([]);
    expect(await database.getAllKeys('documents')).toEqual([]);
  });

  test('hub service: a download stays with its hub, and so does its token, when the address is changed', async () => {
    const other = await HubServer.start();
    let address = hub.url;
    const calls = service(await openDatabase(crypto.randomUUID()), new MemoryBlobStore(), () =>
      Promise.resolve(address),
    );
    const asked = await request(calls);
    hub.requests.length = 0;
    const events: string[] = [];
    for await (const event of calls.downloadModel(asked, TOKEN)) {
      events.push(event.type);
      address = other.url;
      if (event.type === 'started') await calls.inspectRepository(ID, null).catch(() => undefined);
    }
    expect(events.at(-1)).toBe('outcome');
    expect(hub.asked('hub', /resolve/)).not.toEqual([]);
    expect(other.requests.filter(({ authorization }) => authorization !== null)).toEqual([]);
    expect(other.asked('hub', /resolve/)).toEqual([]);
    await other.stop();
  });

  test('hub service: the token is in no record and in no error', async () => {
    const database = await openDatabase(crypto.randomUUID());
    const calls = service(database, new MemoryBlobStore());
    const asked = await request(calls);
    hub.faults = [{ where: 'cdn', path: /./, times: 99, kind: 'corrupt' }];
    const reading = (async () => {
      for await (const _event of calls.downloadModel(asked, TOKEN)) {
        expect(JSON.stringify(await database.getAll('documents'))).not.toContain(TOKEN);
      }
    })();
    const failure: unknown = await reading.catch((error: unknown) => error);
    hub.faults = [];
    expect(failure).toMatchObject({ code: 'download.checksum' });
    if (!(failure instanceof AppError)) throw new Error('no AppError');
    const { message, remedy, details, stack } = failure;
    expect(JSON.stringify({ message, remedy, details, stack })).not.toContain(TOKEN);
    expect(await database.count('documents')).toBeGreaterThan(0);
  });
});
