// The service of data backends of a test: tokens are characters, the network is there, and what is not named does nothing.
import { expect } from 'vitest';
import { FolderStore } from '../../data/backends/folder-store';
import { createBackendFactory } from '../../data/builders/backend-factory';
import { SampleReader } from '../../data/storage/sample-reader';
import type { MemoryData } from '../../data/testing/memory-data';
import { browserClock } from '../../lib/async/browser-clock';
import type { BackendBuildEvent, BackendConfigJson, BackendSecrets } from '../../protocol/backends';
import type { DatasetRecord } from '../../protocol/datasets';
import { BackendService, type BackendServiceParts } from '../backend-service';
import { characterEncoder, qualityService } from './quality-fixture';

export function backendService(data: MemoryData, changes: Partial<BackendServiceParts> = {}): BackendService {
  return new BackendService({
    ...data,
    folders: new FolderStore(data.database),
    factory: createBackendFactory(),
    followPlugins: () => Promise.resolve(),
    network: { fetch, clock: browserClock, online: () => true },
    hubEndpoint: () => Promise.resolve('https://huggingface.co'),
    encoder: () => Promise.resolve(characterEncoder()),
    encoders: () => Promise.resolve([]),
    renderPicture: () => Promise.resolve(null),
    plans: { forgetDataset: () => undefined },
    quality: qualityService(data),
    deleteDataset: (id) => data.database.delete('datasets', id),
    variables: () => Promise.resolve({}),
    locks: null,
    now: () => 7,
    heapBytes: () => 1000,
    log: () => undefined,
    beat: () => undefined,
    ...changes,
  });
}

/** Checks a configuration, saves it with all it brings, and builds it. @returns what the build ended with. */
export async function connectAndBuild(
  service: BackendService,
  config: BackendConfigJson,
  secrets: BackendSecrets = {},
): Promise<BackendBuildEvent> {
  const { backends, problems } = await service.checkBackends(JSON.stringify([config]));
  expect(problems).toEqual([]);
  for (const backend of backends) await service.saveBackend(backend);
  return buildBackend(service, config.id, secrets);
}

/** @returns what the build ended with. */
export async function buildBackend(
  service: BackendService,
  id: string,
  secrets: BackendSecrets = {},
): Promise<BackendBuildEvent> {
  let last: BackendBuildEvent | undefined;
  for await (const event of service.buildBackends([id], { [id]: secrets })) last = event;
  if (last === undefined) throw new Error('Nothing was built.');
  return last;
}

type BuiltEvent = Extract<BackendBuildEvent, { type: 'built' }>;

/** @throws Error unless a dataset was built. */
export function asBuilt(event: BackendBuildEvent): BuiltEvent {
  if (event.type === 'built') return event;
  throw new Error(JSON.stringify(event));
}

/** Its rows in order; the turns of a conversation stand in one line. */
export async function textsOf(
  dataset: DatasetRecord,
  { blobs }: Pick<MemoryData, 'blobs'>,
): Promise<string[]> {
  const reader = await SampleReader.open(dataset, blobs);
  const samples = await Promise.all(Array.from({ length: reader.count }, (_, i) => reader.read(i)));
  return samples.map((sample) =>
    sample.kind === 'text' ? sample.text : sample.turns.map(({ content }) => content).join('|'),
  );
}
