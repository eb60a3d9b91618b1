// Places with very many files: how soon there is something to see, and how long it takes to know them all.
import { backendConfig } from '../../src/core/config/backends';
import { browserClock } from '../../src/lib/async/browser-clock';
import { AwsBackend } from '../../src/data/backends/aws-backend';
import type { DataBackend } from '../../src/data/backends/data-backend';
import { LocalBackend } from '../../src/data/backends/local-backend';
import { buildable, holdsPictures } from '../../src/data/builders/buildable-config';
import { buildSettings } from '../../src/data/builders/build-settings';
import { previewBackend } from '../../src/data/builders/preview-backend';
import { mockFolder, type MockTree } from '../../src/data/testing/mock-folder';

export interface Listing {
  files: number;
  /** Until some files and the first rows are shown. */
  previewMs: number;
  /** Until the last file is known. */
  allMs: number;
}

const IN_A_FOLDER = 1000;
const CONTENT = new Blob(['The anvil rings; the iron cools.\n']);

async function measure(source: DataBackend): Promise<Listing> {
  const config = buildable(
    backendConfig({ id: 'bench', type: 'local', dataset_type: 'text', instance_data_dir: 'bench' }),
  );
  if (holdsPictures(config)) throw new Error('The listing is of texts.');
  const settings = await buildSettings(config, source, undefined);
  const started = performance.now();
  const { rows } = await previewBackend(source, settings);
  const previewMs = performance.now() - started;
  if (rows.length === 0) throw new Error('The preview has no rows.');
  const again = performance.now();
  let files = 0;
  for await (const _ of source.list()) files += 1;
  await source.close();
  return { files, previewMs, allMs: performance.now() - again };
}

/** A folder of folders, made up as it is walked. */
function listFolder(files: number): Promise<Listing> {
  const tree = (folder: number): MockTree => {
    const names = Array.from({ length: IN_A_FOLDER }, (_, i) => `text-${folder}-${i}.txt`);
    return () => names.map((name): [string, Blob] => [name, CONTENT]);
  };
  const folders = Array.from({ length: files / IN_A_FOLDER }, (_, i) => [`folder-${i}`, tree(i)] as const);
  return measure(
    new LocalBackend({
      id: 'bench',
      folder: mockFolder('bench', Object.fromEntries(folders)),
      writable: false,
    }),
  );
}

function listBucket({ endpoint, bucket }: { endpoint: string; bucket: string }): Promise<Listing> {
  return measure(
    new AwsBackend({
      ...{ id: 'bench', endpoint, bucket, region: 'auto', prefix: '', connections: 8 },
      credentials: { accessKeyId: 'bench', secretAccessKey: 'bench', sessionToken: null },
      fetch: (...request) => fetch(...request),
      ...{ clock: browserClock, online: () => true },
    }),
  );
}

/** The functions that the suite calls. */
export const listingsBench = { listFolder, listBucket };
