// Downloads of models as the page knows them: what goes on, what waits for the user, what failed and why. One that is whole is
// made an installed model at once. It lives as long as the page, so that a change of screen stops nothing; the data worker
// owns the bytes.
import { hasCode } from '../../lib/errors';
import type { EngineApi } from '../../protocol/engine';
import type {
  HubApi,
  HubDownload,
  HubDownloadRequest,
  HubDownloadState,
  HubProgress,
  HubStreams,
} from '../../protocol/hub';
import type { ModelRecord } from '../../protocol/models';
import type { StreamsClient } from '../../rpc/connect';
import type { Refreshable } from './models.svelte';
import { plainMap, plainSet } from './plain-collections';

export type DownloadPhase =
  | 'paused'
  /** Another tab fetches it. */
  | 'elsewhere'
  | 'starting'
  | 'downloading'
  | 'waiting'
  | 'verifying'
  | 'installing'
  | 'failed';

export interface DownloadEntry {
  download: HubDownload;
  phase: DownloadPhase;
  bytes: number;
  progress: HubProgress | null;
  /** Why it failed; null unless it did. */
  error: unknown;
}

export interface DownloadsParts {
  hub: Pick<HubApi, 'listDownloads' | 'discardDownload'> & Pick<StreamsClient<HubStreams>, 'downloadModel'>;
  engine: Pick<EngineApi, 'adoptDownload'>;
  token: () => Promise<string | null>;
  library: Refreshable;
  storage: Refreshable;
  onInstalled: (model: ModelRecord) => void;
}

const STOPPED = ['rpc.cancelled', 'download.stopped'] as const;

export class Downloads {
  readonly #parts: DownloadsParts;
  #entries = $state.raw<readonly DownloadEntry[]>([]);
  readonly #running = plainMap<string, { stop: AbortController; done: Promise<void> }>();
  /** Asked for, and not in the list yet. */
  readonly #starting = plainSet<string>();
  /** Counts what came into the list and what left it. */
  #changes = 0;

  constructor(parts: DownloadsParts) {
    this.#parts = parts;
  }

  /** Newest first. */
  get entries(): readonly DownloadEntry[] {
    return this.#entries;
  }

  /** What an earlier visit left. Never throws: the list stays as it was where the worker does not answer. */
  async refresh(): Promise<void> {
    const changes = this.#changes;
    const listed = await this.#parts.hub.listDownloads().catch(() => null);
    if (listed === null) return;
    // One that began or ended meanwhile is not as the answer has it.
    if (changes !== this.#changes) return this.refresh();
    const known = plainMap(this.#entries.map((entry) => [entry.download.id, entry] as const));
    this.#entries = listed.map((state) => this.#entryOf(state, known.get(state.id)));
  }

  /** Starts one, or goes on with it where it is here already. */
  async start(request: HubDownloadRequest): Promise<void> {
    const key = keyOf(request);
    const same = this.#entries.find(({ download }) => keyOf(download) === key)?.download.id ?? null;
    if (this.#starting.has(key) || (same !== null && this.#running.has(same))) return;
    this.#starting.add(key);
    await this.#run(request, same).finally(() => this.#starting.delete(key));
  }

  /** Whether it is in the list. */
  has(request: HubDownloadRequest): boolean {
    const key = keyOf(request);
    return this.#entries.some(({ download }) => keyOf(download) === key);
  }

  async resume(id: string): Promise<void> {
    const entry = this.#find(id);
    if (entry !== undefined && !this.#running.has(id)) await this.#run(entry.download, id);
  }

  /** Resolves once nothing of it is fetched any more; what is here stays. */
  async pause(id: string): Promise<void> {
    const running = this.#running.get(id);
    running?.stop.abort();
    await running?.done;
  }

  async discard(id: string): Promise<void> {
    await this.pause(id);
    await this.#parts.hub.discardDownload(id);
    this.#remove(id);
    await this.#parts.storage.refresh();
  }

  /** For a file that is another one than before. */
  async startOver(id: string): Promise<void> {
    const entry = this.#find(id);
    if (entry === undefined) return;
    await this.discard(id);
    await this.#run(entry.download, null);
  }

  /** Downloads that the missing network stopped go on by themselves. */
  online(): void {
    for (const { download, error } of this.#entries) {
      if (hasCode(error, 'download.offline')) void this.resume(download.id);
    }
  }

  #find(id: string): DownloadEntry | undefined {
    return this.#entries.find(({ download }) => download.id === id);
  }

  #entryOf(state: HubDownloadState, known: DownloadEntry | undefined): DownloadEntry {
    if (known !== undefined && this.#running.has(state.id)) return known;
    if (known?.phase === 'failed') return { ...known, bytes: state.keptBytes };
    const phase = state.running ? 'elsewhere' : 'paused';
    return { download: state, phase, bytes: state.keptBytes, progress: null, error: null };
  }

  #run(request: HubDownloadRequest, id: string | null): Promise<void> {
    const stop = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const running = { stop, done };
    if (id !== null) {
      this.#running.set(id, running);
      this.#change(id, { phase: 'starting', error: null, progress: null });
    }
    return this.#follow(request, id, running).finally(resolve);
  }

  async #follow(
    request: HubDownloadRequest,
    known: string | null,
    running: { stop: AbortController; done: Promise<void> },
  ): Promise<void> {
    let id = known;
    try {
      const events = this.#parts.hub.downloadModel(request, await this.#parts.token(), running.stop.signal);
      for await (const event of events) {
        if (event.type === 'started') {
          id = event.download.id;
          this.#running.set(id, running);
          this.#begin(event.download);
        } else if (event.type === 'progress') {
          if (id !== null) this.#report(id, event.progress);
        } else await this.#install(event.download);
      }
    } catch (error) {
      if (id === null) throw error;
      const paused = running.stop.signal.aborted || STOPPED.some((code) => hasCode(error, code));
      this.#change(id, paused ? { phase: 'paused', error: null } : { phase: 'failed', error });
    } finally {
      if (id !== null) this.#running.delete(id);
    }
    if (running.stop.signal.aborted && id !== null) this.#change(id, { phase: 'paused', error: null });
    if (id !== null) await this.#recount(id);
    await this.#parts.storage.refresh();
  }

  /** What was written down counts, not what had arrived. */
  async #recount(id: string): Promise<void> {
    const listed = await this.#parts.hub.listDownloads().catch(() => []);
    const kept = listed.find((state) => state.id === id);
    if (kept !== undefined && !this.#running.has(id)) this.#change(id, { bytes: kept.keptBytes });
  }

  #report(id: string, progress: HubProgress): void {
    this.#change(id, { phase: progress.phase, bytes: progress.bytes, progress });
  }

  #begin(download: HubDownload): void {
    const known = this.#find(download.id);
    if (known !== undefined) return this.#change(download.id, { phase: 'starting', error: null });
    const entry = { download, phase: 'starting' as const, bytes: 0, progress: null, error: null };
    this.#entries = [entry, ...this.#entries];
    this.#changes += 1;
  }

  async #install(download: HubDownload): Promise<void> {
    const { engine, hub, library, onInstalled } = this.#parts;
    const { id, repositoryId, choice } = download;
    this.#change(id, { phase: 'installing', bytes: choice.sizeBytes, progress: null });
    const model = await engine.adoptDownload(modelNameOf(repositoryId, choice.quantisation), download);
    // Its files are the model's now: only the note of it is left.
    await hub.discardDownload(id).catch(() => undefined);
    this.#remove(id);
    onInstalled(model);
    await library.refresh();
  }

  #remove(id: string): void {
    this.#entries = this.#entries.filter(({ download }) => download.id !== id);
    this.#changes += 1;
  }

  #change(id: string, change: Partial<DownloadEntry>): void {
    this.#entries = this.#entries.map((entry) =>
      entry.download.id === id ? { ...entry, ...change } : entry,
    );
  }
}

/** The same files of the same commit are the same download. */
function keyOf({ repositoryId, commit, choice }: HubDownloadRequest): string {
  return `${repositoryId} ${commit} ${choice.id}`;
}

/** `owner/Name-GGUF` in Q4_K_M is called `Name Q4_K_M`. */
export function modelNameOf(repositoryId: string, quantisation: string | null): string {
  const name = (repositoryId.split('/').at(-1) ?? repositoryId).replace(/[-_.]GGUF$/i, '');
  return quantisation === null ? name : `${name} ${quantisation}`;
}
