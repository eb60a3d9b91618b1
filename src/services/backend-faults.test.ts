// Places that fail in the middle of a build: what was built before stays as it was, the message names what is gone, and the
// same build works once it is back. Rows that would break the reader are left out with their reason, and nothing else is.
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { HubServer } from '../../tests/support/hub-server';
import { S3_KEY, S3_SECRET, S3Server } from '../../tests/support/s3-server';
import { FolderStore } from '../data/backends/folder-store';
import { memoryData, type MemoryData } from '../data/testing/memory-data';
import { goneFile, mockFolder, type MockNode } from '../data/testing/mock-folder';
import type { BackendConfigJson, BackendSecrets } from '../protocol/backends';
import type { BackendService } from './backend-service';
import { backendService, buildBackend, textsOf } from './testing/backend-service-fixture';

const DATASET = 'forge/texts';
const TEXT = { id: 'a', dataset_type: 'text' };
/** Another process starts and ends, on a machine whose cores others keep busy. */
const PATIENCE_MS = 60_000;

let s3: S3Server;
let hub: HubServer;
let data: MemoryData;
let folders: FolderStore;
let service: BackendService;

beforeAll(async () => {
  [s3, hub] = await Promise.all([S3Server.start(), HubServer.start()]);
}, PATIENCE_MS);
afterAll(() => Promise.all([s3.stop(), hub.stop()]), PATIENCE_MS);

beforeEach(async () => {
  s3.reset();
  hub.faults = [];
  data = await memoryData();
  folders = new FolderStore(data.database);
  service = backendService(data, { folders, hubEndpoint: () => Promise.resolve(hub.url) });
});

const build = (secrets: BackendSecrets) => buildBackend(service, 'a', secrets);

async function texts(): Promise<string[]> {
  const [dataset] = await data.database.getAll('datasets');
  return dataset === undefined ? [] : textsOf(dataset, data);
}

interface Place {
  config: Partial<BackendConfigJson>;
  secrets?: BackendSecrets;
  /** Lets the next build fail after its first file. */
  fail: () => void;
  mend: () => void;
  code: string;
  message: RegExp;
}

/** Built, failed, as it was; built again once the place is mended. */
async function expectKept({ config, secrets = {}, fail, mend, code, message }: Place): Promise<void> {
  await service.saveBackend({ ...TEXT, ...config });
  expect(await build(secrets)).toMatchObject({ type: 'built' });
  const before = { records: await service.listBackends(), files: await data.blobs.list('datasets') };
  const rows = await texts();
  expect(rows).toHaveLength(2);
  fail();
  const failed = await build(secrets);
  expect(failed).toMatchObject({ type: 'failed', backendId: 'a', code });
  if (failed.type === 'failed') {
    expect(failed.message).toMatch(message);
    expect(failed.remedy).not.toBeNull();
    for (const secret of Object.values(secrets)) expect(JSON.stringify(failed)).not.toContain(secret);
  }
  expect(await service.listBackends()).toEqual(before.records);
  expect(await data.blobs.list('datasets')).toEqual(before.files);
  expect(await texts()).toEqual(rows);
  mend();
  expect(await build(secrets)).toMatchObject({ type: 'built' });
  expect(await texts()).toEqual(rows);
}

async function keepFolder(files: () => Record<string, MockNode>): Promise<void> {
  vi.spyOn(folders, 'find').mockImplementation(() =>
    Promise.resolve(mockFolder('notes', () => Object.entries(files()))),
  );
  await service.saveBackend({ ...TEXT, instance_data_dir: 'notes' });
}

const LOCAL = { instance_data_dir: 'notes' };
const text = (content: string): Blob => new Blob([content]);

describe('builds that fail in the middle', () => {
  it('bucket gone: named, and what was built stays', async () => {
    await s3.createBucket('ledgers');
    await s3.put('ledgers', 'one.txt', 'One.');
    await s3.put('ledgers', 'two.txt', 'Two.');
    await expectKept({
      config: { type: 'aws', aws_bucket_name: 'ledgers', aws_endpoint_url: s3.url },
      secrets: { aws_access_key_id: S3_KEY, aws_secret_access_key: S3_SECRET },
      fail: () => {
        const gone = { status: 404, code: 'NoSuchBucket' };
        s3.faults = [{ path: 'two.txt', times: Infinity, kind: 'status', ...gone }];
      },
      mend: () => s3.reset(),
      code: 'backend.missing',
      message: /ledgers/,
    });
  });

  it('token expired: told as such, and what was built stays', async () => {
    const table = (row: string): Uint8Array =>
      new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'text', data: [row], type: 'STRING' }] }));
    const files = { 'default/train/0.parquet': table('One.'), 'default/train/1.parquet': table('Two.') };
    hub.add(DATASET, files, { gated: true });
    hub.tokens.set('hf_lasts_a_while', new Set([DATASET]));
    await expectKept({
      config: { type: 'huggingface', dataset_name: DATASET },
      secrets: { huggingface_token: 'hf_lasts_a_while' },
      fail: () => {
        hub.faults = [{ where: 'hub', path: /1\.parquet/, times: Infinity, kind: 'status', status: 401 }];
      },
      mend: () => void (hub.faults = []),
      code: 'backend.denied',
      message: /token.*forge\/texts|forge\/texts.*token/i,
    });
  });

  it.each([
    ['file moved', goneFile(4), 'backend.unreachable', /"two\.txt" of notes was changed, moved or removed/],
    ['permission revoked', new DOMException('no', 'NotAllowedError'), 'backend.denied', /the folder notes/],
  ])('%s: named, and what was built stays', async (_, failure, code, message) => {
    let two: MockNode = text('Two.');
    await keepFolder(() => ({ 'one.txt': text('One.'), 'two.txt': two }));
    await expectKept({
      ...{ config: LOCAL, code, message },
      fail: () => void (two = failure),
      mend: () => void (two = text('Two.')),
    });
  });
});

describe('poisoned rows', () => {
  const nested = (depth: number): string => `{"text":"deep","more":${'['.repeat(depth)}${']'.repeat(depth)}}`;

  it('nested without end, too long or broken: left out with line and reason, the others are kept', async () => {
    const rows = ['{"text":"One."}', nested(100_000), nested(50), '{"text":"Two."', '{"text":["\\ud800"]}'];
    await keepFolder(() => ({ 'rows.jsonl': text(rows.join('\n')) }));
    const event = await build({});
    expect(event).toMatchObject({ type: 'built' });
    if (event.type !== 'built') return;
    expect(await texts()).toHaveLength(3);
    expect(event.backend.report?.filtering).toMatchObject({ total_processed: 5, other: 2 });
    expect(event.dataset.skipped).toMatchObject({ 'dataset.bad-line': 2 });
    expect(event.backend.report?.problems).toMatchObject([
      { line: 2, message: 'Its values are nested more than 100 deep.' },
      { line: 4, message: expect.stringContaining('This is not JSON') as string },
    ]);
  });

  it('turns within turns within turns are nested as well', async () => {
    const turns = '[{"text":'.repeat(20_000) + '"x"' + '}]'.repeat(20_000);
    const rows = ['{"text":"One."}', `{"text":${turns}}`];
    await keepFolder(() => ({ 'rows.jsonl': text(rows.join('\n')) }));
    expect(await build({})).toMatchObject({ type: 'built' });
    expect(await texts()).toEqual(['One.']);
  });
});
