// Downloads of models: all files of one choice into one folder, over as many sessions as it takes. A manifest tells a
// later session what was asked for, at which commit. Files stay in the folder until the download is discarded.
import { modelFileName } from '../../core/model-file-name';
import { LatestQueue } from '../../lib/async/latest-queue';
import { bytesIn } from '../../lib/download/byte-ranges';
import type { DownloadRecords } from '../../lib/download/download-records';
import type { Downloader, DownloadProgress } from '../../lib/download/downloader';
import { AppError } from '../../lib/errors';
import { parseBlobPath } from '../../lib/storage/blob-path';
import type { BlobStore } from '../../lib/storage/blob-store';
import type {
  HubDownload,
  HubDownloadEvent,
  HubDownloadRequest,
  HubDownloadState,
  HubFile,
  HubProgress,
} from '../../protocol/hub';
import type { NamedFile } from '../../protocol/models';
import { resolveUrl } from './hub-address';
import type { HubClient } from './hub-client';
import { explainHub } from './hub-errors';

export interface HubManifests {
  list(): Promise<HubDownload[]>;
  get(id: string): Promise<HubDownload | null>;
  put(download: HubDownload): Promise<void>;
  delete(id: string): Promise<void>;
}

/** Where a download goes to for its files, for as long as it runs. */
export type DownloadHub = Pick<HubClient, 'endpoint' | 'headers'>;

export interface HubDownloadsParts {
  downloader: Downloader;
  records: DownloadRecords;
  manifests: HubManifests;
  blobs: BlobStore;
  now: () => number;
}

interface Running {
  stop: AbortController;
  /** Settles when nothing is fetched or written any more; never fails. */
  work: Promise<void>;
}

interface HubAccess {
  hub: DownloadHub;
  token: string | null;
}

export class HubDownloads {
  readonly #parts: HubDownloadsParts;
  readonly #running = new Map<string, Running>();

  constructor(parts: HubDownloadsParts) {
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#running.size > 0;
  }

  /** Newest first. */
  async list(): Promise<HubDownloadState[]> {
    const downloads = await this.#parts.manifests.list();
    downloads.sort((a, b) => b.startedAt - a.startedAt);
    return Promise.all(
      downloads.map(async (download) => ({
        ...download,
        keptBytes: await this.#keptBytes(download),
        running: this.#running.has(download.id),
      })),
    );
  }

  /** Stops it where it runs, and removes what is here of it. */
  async discard(id: string): Promise<void> {
    const running = this.#running.get(id);
    running?.stop.abort();
    await running?.work;
    const download = await this.#parts.manifests.get(id);
    if (download === null) return;
    for (const file of download.choice.files) {
      await this.#parts.downloader.discard(fileId(download, file), pathOf(download, file));
    }
    await this.#parts.blobs.remove(download.folder);
    await this.#parts.manifests.delete(id);
  }

  /**
   * Goes on from what is here. Ends with the outcome.
   * @param hub where all of it is asked for, whatever is looked up elsewhere meanwhile.
   * @param token for that hub; not kept.
   * @throws AppError `download.*` (what is here stays but for wrong bytes), `hub.*`, `storage.quota`, `storage.busy`.
   */
  async *download(
    request: HubDownloadRequest,
    hub: DownloadHub,
    token: string | null,
    signal?: AbortSignal,
  ): AsyncGenerator<HubDownloadEvent> {
    const download = await this.#open(request);
    const running = this.#claim(download.id);
    const signals = [running.stop.signal, ...(signal === undefined ? [] : [signal])];
    const queue = new LatestQueue<HubProgress>();
    try {
      yield { type: 'started', download };
      running.work = this.#fetchAll({ hub, token }, download, AbortSignal.any(signals), (progress) =>
        queue.put(progress),
      )
        .then(() => queue.end())
        .catch((error: unknown) => queue.fail(error));
      for await (const progress of queue) yield { type: 'progress', progress };
      yield { type: 'outcome', download, files: await this.#collect(download) };
    } finally {
      // Who comes next finds the files closed.
      running.stop.abort();
      await running.work;
      this.#running.delete(download.id);
    }
  }

  #claim(id: string): Running {
    if (this.#running.has(id)) {
      throw new AppError('storage.busy', `${id} is being downloaded already.`, {
        details: { id },
        remedy: 'Let it finish, or pause it first.',
      });
    }
    const running = { stop: new AbortController(), work: Promise.resolve() };
    this.#running.set(id, running);
    return running;
  }

  async #open(request: HubDownloadRequest): Promise<HubDownload> {
    const id = downloadId(request);
    const known = await this.#parts.manifests.get(id);
    if (known !== null) return known;
    const { repositoryId, commit, license, choice } = request;
    const folder = `downloads/${id}`;
    const download = { id, repositoryId, commit, license, choice, folder, startedAt: this.#parts.now() };
    // A path that leads out of the folder is refused before anything is written down.
    for (const file of choice.files) parseBlobPath(pathOf(download, file));
    await this.#parts.manifests.put(download);
    return download;
  }

  /** Small files first: what is wrong with a model shows before its gigabytes come. */
  async #fetchAll(
    access: HubAccess,
    download: HubDownload,
    signal: AbortSignal,
    onProgress: (progress: HubProgress) => void,
  ): Promise<void> {
    const { files, sizeBytes } = download.choice;
    let before = 0;
    for (const file of files.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
      const report = (progress: DownloadProgress): void =>
        onProgress(overall(progress, file, before, sizeBytes));
      if (!(await this.#isHere(download, file))) await this.#fetch(access, download, file, signal, report);
      before += file.sizeBytes;
    }
  }

  async #fetch(
    { hub, token }: HubAccess,
    download: HubDownload,
    file: HubFile,
    signal: AbortSignal,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const { repositoryId, commit } = download;
    const question = { repositoryId, revision: commit, file: file.path, hasToken: token !== null };
    await this.#parts.downloader.download(
      {
        id: fileId(download, file),
        url: resolveUrl(hub.endpoint, repositoryId, commit, file.path),
        headers: hub.headers(token),
        target: pathOf(download, file),
        sizeBytes: file.sizeBytes,
        checksum: file.checksum,
        explain: (response) => (isOf(response, hub.endpoint) ? explainHub(response, question) : null),
      },
      signal,
      onProgress,
    );
  }

  /** A file has its own name only when it was proven. */
  async #isHere(download: HubDownload, file: HubFile): Promise<boolean> {
    const blob = await this.#parts.blobs.read(pathOf(download, file));
    return blob !== null && blob.size === file.sizeBytes;
  }

  async #keptBytes(download: HubDownload): Promise<number> {
    const kept = await Promise.all(
      download.choice.files.map(async (file) => {
        if (await this.#isHere(download, file)) return file.sizeBytes;
        return bytesIn((await this.#parts.records.get(fileId(download, file)))?.ranges ?? []);
      }),
    );
    return kept.reduce((sum, bytes) => sum + bytes, 0);
  }

  async #collect(download: HubDownload): Promise<NamedFile[]> {
    const files: NamedFile[] = [];
    for (const file of download.choice.files) {
      const blob = await this.#parts.blobs.read(pathOf(download, file));
      if (blob === null) {
        throw new AppError('storage.missing', `${file.path} was removed after it was downloaded.`, {
          details: { path: file.path },
          remedy: 'Download it again.',
        });
      }
      files.push({ name: modelFileName(file.path), blob });
    }
    return files;
  }
}

function overall(
  { phase, bytes, totalBytes, bytesPerSecond, retryAtMs }: DownloadProgress,
  file: HubFile,
  before: number,
  allBytes: number,
): HubProgress {
  // What is being verified has all come.
  const here = before + (phase === 'verifying' ? (totalBytes ?? file.sizeBytes) : bytes);
  const secondsLeft =
    bytesPerSecond === null || bytesPerSecond <= 0 ? null : (allBytes - here) / bytesPerSecond;
  return {
    phase,
    file: file.path,
    bytes: here,
    totalBytes: allBytes,
    bytesPerSecond,
    secondsLeft,
    retryAtMs,
  };
}

/** The same files of the same commit are the same download, whoever asks. */
function downloadId({ repositoryId, commit, choice }: HubDownloadRequest): string {
  return [repositoryId, commit.slice(0, 12), choice.id].join(' ').replace(/[^A-Za-z0-9._-]+/g, '--');
}

function fileId({ id }: HubDownload, { path }: HubFile): string {
  return `${id}/${path}`;
}

function pathOf({ folder }: HubDownload, { path }: HubFile): string {
  return `${folder}/${path}`;
}

function isOf(response: Response, endpoint: string): boolean {
  return URL.canParse(response.url) && new URL(response.url).origin === new URL(endpoint).origin;
}
