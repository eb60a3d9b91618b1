// The state behind connected sources against a hand-made worker.
import { beforeEach, describe, expect, it } from 'vitest';
import { BackendFolders } from '../../src/app/state/backend-folders';
import { BackendSecretStore } from '../../src/app/state/backend-secrets';
import { BackendsState, type BackendsClient } from '../../src/app/state/backends.svelte';
import { SessionVault } from '../../src/core/vault/session-vault';
import type {
  BackendBuildEvent,
  BackendRecord,
  BackendSecrets,
  ConfigDrift,
  FileChanges,
} from '../../src/protocol/backends';
import type { DatasetRecord } from '../../src/protocol/datasets';

const record = (changes: Partial<BackendRecord> = {}): BackendRecord => ({
  id: 'notes',
  config: { id: 'notes', type: 'local', instance_data_dir: 'notes' },
  datasetId: null,
  builtWith: null,
  report: null,
  createdAt: 1,
  ...changes,
});
const BUILT = record({ datasetId: 'd', builtWith: { id: 'notes' } });
const DRIFT: ConfigDrift = { key: 'maximum_token_length', built: null, now: 64 };
const FAILED: BackendBuildEvent = {
  type: 'failed',
  backendId: 'notes',
  code: 'backend.missing',
  message: 'gone',
  remedy: 'choose it',
};

describe('BackendsState', () => {
  let records: BackendRecord[];
  let drift: ConfigDrift[];
  let events: BackendBuildEvent[];
  let changes: FileChanges | null;
  let given: Readonly<Record<string, BackendSecrets>>[];
  let datasets: string[];
  let waits: Promise<void>;
  let state: BackendsState;

  const client: BackendsClient = {
    listBackends: () => Promise.resolve(records),
    checkBackends: () => Promise.resolve({ backends: [], secrets: {}, problems: [], warnings: [] }),
    saveBackend: (config) => {
      const saved = record({ ...records[0], id: config.id, config });
      records = [saved];
      return Promise.resolve(saved);
    },
    testBackend: (_config, secrets) => {
      given.push({ notes: secrets });
      return Promise.resolve({ location: 'notes', files: 1, more: false, rows: [], columns: [] });
    },
    rescanBackend: () => Promise.resolve(changes),
    backendDrift: () => Promise.resolve(drift),
    removeBackend: () => {
      records = [];
      return Promise.resolve();
    },
    keepFolder: () => Promise.resolve(),
    async *buildBackends(_ids, secrets, signal) {
      given.push(secrets);
      yield {
        type: 'progress',
        progress: { backendId: 'notes', stage: 'read', files: 1, samples: 2, bytes: 3, filesTotal: 4 },
      };
      await waits;
      if (signal?.aborted === true) throw new DOMException('stopped', 'AbortError');
      yield* events;
    },
  };

  beforeEach(async () => {
    records = [record()];
    [drift, events, changes, given, datasets] = [[], [], null, [], []];
    waits = Promise.resolve();
    state = new BackendsState({
      client,
      secrets: new BackendSecretStore(Promise.resolve(new SessionVault())),
      folders: new BackendFolders(Promise.resolve(null), {}),
      onDatasets: () => Promise.resolve(void datasets.push('told')),
      hasDataset: (id) => id === 'd',
    });
    await state.refresh();
  });

  const status = () => state.status(state.backend('notes') ?? record());

  it('one that nothing was built of is not read yet, as is one whose dataset is gone', async () => {
    expect(status()).toBe('unbuilt');
    records = [record({ datasetId: 'other' })];
    await state.refresh();
    expect(status()).toBe('unbuilt');
  });

  it('a build tells how far it is and ends with the dataset', async () => {
    let go = (): void => undefined;
    waits = new Promise((resolve) => (go = resolve));
    events = [{ type: 'built', backend: BUILT, dataset: {} as DatasetRecord }];
    const building = state.build(['notes']);
    await expect.poll(() => state.progressOf('notes')?.samples).toBe(2);
    expect([status(), state.building]).toEqual(['building', true]);
    go();
    await building;
    expect([status(), state.building, datasets]).toEqual(['ready', false, ['told']]);
  });

  it('a build that is cancelled leaves what was there and is no failure', async () => {
    let go = (): void => undefined;
    waits = new Promise((resolve) => (go = resolve));
    const building = state.build(['notes']);
    await expect.poll(() => state.progressOf('notes')?.samples).toBe(2);
    state.cancelBuild();
    go();
    await building;
    expect([status(), state.failureOf('notes')]).toEqual(['unbuilt', null]);
  });

  it('a failure stays until a folder is chosen again', async () => {
    events = [FAILED];
    await state.build(['notes']);
    expect([status(), state.failureOf('notes')?.message]).toEqual(['failed', 'gone']);
    await state.keepFolder('notes', []);
    expect(status()).toBe('unbuilt');
  });

  it('drift and changed files make it changed; a scan without changes makes it ready', async () => {
    records = [BUILT];
    drift = [DRIFT];
    await state.refresh();
    expect(status()).toBe('changed');
    drift = [];
    await state.refresh();
    changes = { added: ['a'], removed: [], changed: [], total: 1 };
    await state.rescan('notes');
    expect(status()).toBe('changed');
    changes = { added: [], removed: [], changed: [], total: 0 };
    await state.rescan('notes');
    expect(status()).toBe('ready');
  });

  it('credentials go along with a call, what is typed before what is kept', async () => {
    await state.save([record().config], { notes: { aws_access_key_id: 'kept', aws_session_token: 't' } });
    await state.build(['notes']);
    await state.test(record().config, { aws_access_key_id: 'typed', aws_session_token: ' ' }, null);
    expect(given).toEqual([
      { notes: { aws_access_key_id: 'kept', aws_session_token: 't' } },
      { notes: { aws_access_key_id: 'typed', aws_session_token: 't' } },
    ]);
    expect(JSON.stringify(state.backends)).not.toContain('kept');
  });

  it('what was read is kept by putting its settings back', async () => {
    records = [BUILT];
    await state.refresh();
    await state.keepBuilt(BUILT);
    expect(state.backend('notes')?.config).toEqual({ id: 'notes' });
  });

  it('disconnected, it is gone with its credentials', async () => {
    await state.save([record().config], { notes: { aws_access_key_id: 'kept' } });
    await state.remove('notes', true);
    expect([state.backends, await state.secretKeys('notes'), datasets]).toEqual([[], [], ['told']]);
  });
});
