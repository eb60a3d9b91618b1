// What the data worker tells of model repositories on a hub and of their downloads.
import type { ModelFormat, NamedFile } from './models';

export interface HubFile {
  path: string;
  sizeBytes: number;
  /** SHA-256 of large files, git's name of the others; lower-case hex. */
  checksum: { algorithm: 'sha256' | 'git-sha1'; hex: string };
}

/** One form of a model in a repository: the files that belong together. */
export interface HubChoice {
  /** Unique within the repository: `safetensors`, or `gguf` or `onnx` and the name of its first file. */
  id: string;
  format: ModelFormat;
  /** `Q4_K_M` and the like, as the file's name has it; null for safetensors and where the name tells nothing. */
  quantisation: string | null;
  files: HubFile[];
  sizeBytes: number;
  /** Its name says a storage that is not read. Absent: nothing speaks against it. */
  unreadable?: true;
}

export interface HubRepository {
  /** `owner/name`. */
  id: string;
  revision: string;
  /** What the revision meant when it was asked for. */
  commit: string;
  gated: boolean;
  license: string | null;
  choices: HubChoice[];
}

export interface HubDownloadRequest {
  repositoryId: string;
  commit: string;
  /** As the repository states it; null where it does not. */
  license: string | null;
  choice: HubChoice;
}

/** A download that is not done with, between sessions too. No token is kept in it. */
export interface HubDownload extends HubDownloadRequest {
  id: string;
  /** Folder of the blob store. */
  folder: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface HubDownloadState extends HubDownload {
  /** Written down so far. */
  keptBytes: number;
  running: boolean;
}

export interface HubProgress {
  phase: 'downloading' | 'waiting' | 'verifying';
  file: string;
  /** Of all files together. */
  bytes: number;
  totalBytes: number;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
  /** When the next attempt is made, since the epoch; only while waiting. */
  retryAtMs: number | null;
}

export type HubDownloadEvent =
  | { type: 'started'; download: HubDownload }
  | { type: 'progress'; progress: HubProgress }
  /** Blobs of the files, by the names that an import knows. They stay until the download is discarded. */
  | { type: 'outcome'; download: HubDownload; files: NamedFile[] };

/** Tokens pass through: they are neither kept nor logged, and go to the hub itself only. null for none. */
export interface HubApi {
  /**
   * @param address `owner/name`, `owner/name@revision`, or the address of its page.
   * @throws AppError `hub.*`.
   */
  inspectRepository(address: string, token: string | null): Promise<HubRepository>;
  /**
   * The config.json of a choice's model, or what the header of its GGUF file says in its place: some kilobytes of config,
   * or some megabytes of header, and no weights.
   * @throws AppError `hub.*`, `download.*`; `model.*` for a header that cannot be read.
   */
  readModelConfig(request: HubDownloadRequest, token: string | null): Promise<string>;
  /** Newest first. */
  listDownloads(): Promise<HubDownloadState[]>;
  /** Removes what is here of it, finished or not. */
  discardDownload(id: string): Promise<void>;
}

export interface HubStreams {
  /**
   * Starts, or goes on where an earlier call stopped; the last item is the outcome. Leaving the stream is a pause: what
   * is here stays.
   */
  downloadModel(request: HubDownloadRequest, token: string | null): AsyncIterable<HubDownloadEvent>;
}
