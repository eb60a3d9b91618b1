// Runs one check on partial files in place in OPFS, which only workers have.
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { OpfsPartialFiles } from '../../src/lib/storage/opfs-partial-files';
import { PARTIAL_FILES_CHECKS } from './partial-files-checks';

self.addEventListener('message', ({ data }: MessageEvent<string>) => {
  run(data).then(
    () => self.postMessage(null),
    (error: unknown) => self.postMessage(String(error)),
  );
});

async function run(name: string): Promise<void> {
  const store = await OpfsBlobStore.open(`contract-${crypto.randomUUID()}`);
  if (name === 'two at once') return twoAtOnce(new OpfsPartialFiles(store));
  await PARTIAL_FILES_CHECKS[name]?.(new OpfsPartialFiles(store), store);
}

/** As another tab would. */
async function twoAtOnce(files: OpfsPartialFiles): Promise<void> {
  const first = await files.open('x.part');
  const second = await files.open('x.part').catch((error: unknown) => error);
  await first.close();
  if (!(second instanceof Error) || !('code' in second) || second.code !== 'storage.busy') {
    throw new Error(`the second one got ${String(second)}`);
  }
}
