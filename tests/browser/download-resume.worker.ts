// One session of a download in a worker of its own, as the data worker has it: files in place in OPFS, records in IndexedDB.
// It tells how far it is; the test may end it at any moment.
import { StoredDownloadRecords } from '../../src/core/download-records';
import { openDatabase } from '../../src/core/database';
import { browserClock } from '../../src/lib/async/browser-clock';
import { Downloader, type DownloadRequest } from '../../src/lib/download/downloader';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { openPartialFiles } from '../../src/lib/storage/open-partial-files';

export interface SessionOrder {
  store: string;
  request: DownloadRequest;
  /** Before each request: a session that is to be ended in the middle must not be through before. */
  pauseMs: number;
}

export type SessionNote =
  | { type: 'asked'; range: string }
  | { type: 'progress'; bytes: number }
  | { type: 'done'; kind: string }
  | { type: 'failed'; message: string };

const note = (value: SessionNote): void => self.postMessage(value);

self.addEventListener('message', ({ data }: MessageEvent<SessionOrder>) => {
  session(data).catch((error: unknown) => note({ type: 'failed', message: String(error) }));
});

async function session({ store, request, pauseMs }: SessionOrder): Promise<void> {
  const blobs = await OpfsBlobStore.open(store);
  const partials = openPartialFiles(blobs);
  const downloader = new Downloader({
    fetch: async (url, options) => {
      await browserClock.sleep(pauseMs, new AbortController().signal);
      note({ type: 'asked', range: new Headers(options?.headers).get('Range') ?? '' });
      return fetch(url, options);
    },
    partials,
    records: new StoredDownloadRecords(await openDatabase(store)),
    clock: browserClock,
    online: () => navigator.onLine,
    limits: { pieceBytes: 200_000, connections: 2, commitBytes: 100_000, progressMs: 0 },
  });
  await downloader.download(request, new AbortController().signal, ({ bytes }) =>
    note({ type: 'progress', bytes }),
  );
  note({ type: 'done', kind: partials.constructor.name });
}
