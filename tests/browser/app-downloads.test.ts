// Downloads as the page knows them, against a hand-made data worker and engine.
import { describe, expect, it, vi } from 'vitest';
import { Downloads, modelNameOf } from '../../src/app/state/downloads.svelte';
import { AppError } from '../../src/lib/errors';
import type {
  HubChoice,
  HubDownload,
  HubDownloadEvent,
  HubDownloadRequest,
  HubDownloadState,
  HubProgress,
} from '../../src/protocol/hub';
import type { ModelRecord } from '../../src/protocol/models';
import { watch } from './app-watch.svelte';

const choice = (id: string): HubChoice => ({
  ...{ id, format: 'gguf', quantisation: 'Q4_0', files: [], sizeBytes: 100 },
});
const request = (id: string): HubDownloadRequest => ({
  ...{ repositoryId: 'a/b-GGUF', commit: 'c', license: null },
  choice: choice(id),
});
const download = (id: string): HubDownload => ({
  ...request(id),
  ...{ id, folder: `downloads/${id}`, startedAt: 1 },
});
const progress = (bytes: number): HubDownloadEvent => ({
  type: 'progress',
  progress: {
    ...{ phase: 'downloading', file: 'f', bytes, totalBytes: 100 },
    ...{ bytesPerSecond: 1, secondsLeft: 1, retryAtMs: null },
  } satisfies HubProgress,
});

/** A download that the test feeds, as the data worker runs it. */
class Feed {
  readonly signal: AbortSignal | undefined;
  readonly token: string | null;
  #queue: (() => IteratorResult<HubDownloadEvent>)[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(token: string | null, signal: AbortSignal | undefined) {
    this.token = token;
    this.signal = signal;
    signal?.addEventListener('abort', () => this.fail(new AppError('rpc.cancelled', 'Cancelled.')));
  }

  put(event: HubDownloadEvent): void {
    this.#push(() => ({ done: false, value: event }));
  }

  fail(error: unknown): void {
    this.#push(() => {
      throw error;
    });
  }

  end(): void {
    this.#push(() => ({ done: true, value: undefined }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HubDownloadEvent> {
    for (;;) {
      while (this.#queue.length === 0) await this.#wake.promise;
      const next = this.#queue.shift()?.();
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  }

  #push(next: () => IteratorResult<HubDownloadEvent>): void {
    this.#queue.push(next);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

function bench(token: () => Promise<string | null> = () => Promise.resolve('hf')) {
  const feeds: Feed[] = [];
  const kept = new Map<string, HubDownloadState>();
  const calls = {
    discarded: [] as string[],
    adopted: [] as string[],
    installed: [] as string[],
    refreshed: 0,
  };
  let list = (): Promise<HubDownloadState[]> => Promise.resolve([...kept.values()]);
  let adopt = (name: string): Promise<ModelRecord> => Promise.resolve({ name } as ModelRecord);
  const refresh = () => {
    calls.refreshed += 1;
    return Promise.resolve();
  };
  const downloads = new Downloads({
    hub: {
      listDownloads: () => list(),
      discardDownload: (id) => {
        calls.discarded.push(id);
        kept.delete(id);
        return Promise.resolve();
      },
      downloadModel: (_request, given, signal) => {
        const feed = new Feed(given, signal);
        feeds.push(feed);
        return feed;
      },
    },
    engine: {
      adoptDownload: (name) => {
        calls.adopted.push(name);
        return adopt(name);
      },
    },
    token,
    library: { refresh },
    storage: { refresh },
    onInstalled: ({ name }) => calls.installed.push(name),
  });
  return {
    ...{ downloads, feeds, kept, calls },
    keep: (id: string, keptBytes: number, running = false) =>
      kept.set(id, { ...download(id), keptBytes, running }),
    listWith: (next: typeof list) => (list = next),
    adoptWith: (next: typeof adopt) => (adopt = next),
    phases: () => downloads.entries.map(({ download: { id }, phase, bytes }) => [id, phase, bytes]),
  };
}

type Bench = ReturnType<typeof bench>;

/** Starts one and waits until it is in the list. */
async function begun(of: Bench, id: string): Promise<{ feed: Feed; done: Promise<void> }> {
  const before = of.feeds.length;
  const done = of.downloads.start(request(id));
  await vi.waitFor(() => expect(of.feeds).toHaveLength(before + 1));
  const feed = of.feeds[before] as Feed;
  of.keep(id, 0, true);
  feed.put({ type: 'started', download: download(id) });
  await vi.waitFor(() => expect(of.downloads.has(request(id))).toBe(true));
  return { feed, done };
}

const full = new AppError('storage.quota', 'No room left.', { remedy: 'Make room.' });

describe('downloads', () => {
  it('downloads: one that is whole is installed at once, and leaves the list', async () => {
    const of = bench();
    const { seen, stop } = watch(() => of.phases());
    const { feed, done } = await begun(of, 'x');
    expect(feed.token).toBe('hf');
    feed.put(progress(40));
    await vi.waitFor(() => expect(seen.at(-1)).toEqual([['x', 'downloading', 40]]));
    feed.put({ type: 'outcome', download: download('x'), files: [] });
    feed.end();
    await done;
    expect(of.phases()).toEqual([]);
    expect(of.calls).toMatchObject({ adopted: ['b Q4_0'], installed: ['b Q4_0'], discarded: ['x'] });
    expect(of.calls.refreshed).toBeGreaterThanOrEqual(2);
    await vi.waitFor(() => expect(seen.at(-1)).toEqual([]));
    stop();
  });

  it('downloads: a pause keeps what was written down, and resuming goes on with the same', async () => {
    const of = bench();
    const { feed } = await begun(of, 'x');
    feed.put(progress(60));
    await vi.waitFor(() => expect(of.phases()).toEqual([['x', 'downloading', 60]]));
    of.keep('x', 48);
    await of.downloads.pause('x');
    expect(feed.signal?.aborted).toBe(true);
    expect(of.phases()).toEqual([['x', 'paused', 48]]);
    void of.downloads.resume('x');
    await vi.waitFor(() => expect(of.feeds).toHaveLength(2));
    expect(of.downloads.entries[0]?.phase).toBe('starting');
  });

  it('downloads: storage that is full is told, and what is here is kept until it is discarded', async () => {
    const of = bench();
    const { feed, done } = await begun(of, 'x');
    feed.put(progress(70));
    of.keep('x', 64);
    feed.fail(full);
    await done;
    expect(of.phases()).toEqual([['x', 'failed', 64]]);
    expect(of.downloads.entries[0]?.error).toBe(full);
    expect(of.calls.discarded).toEqual([]);

    // Kept: another try goes on, and a failure again keeps it again.
    const again = of.downloads.resume('x');
    await vi.waitFor(() => expect(of.feeds).toHaveLength(2));
    expect(of.downloads.entries[0]).toMatchObject({ phase: 'starting', error: null });
    of.feeds[1]?.fail(full);
    await again;
    expect(of.phases()).toEqual([['x', 'failed', 64]]);

    // Removed by choice.
    await of.downloads.discard('x');
    expect(of.calls.discarded).toEqual(['x']);
    expect(of.phases()).toEqual([]);
  });

  it('downloads: clicked twice before it began, it starts once', async () => {
    const opened = Promise.withResolvers<string | null>();
    const of = bench(() => opened.promise);
    const both = [of.downloads.start(request('x')), of.downloads.start(request('x'))];
    opened.resolve(null);
    await both[1];
    await vi.waitFor(() => expect(of.feeds).toHaveLength(1));
    of.feeds[0]?.put({ type: 'started', download: download('x') });
    await vi.waitFor(() => expect(of.phases()).toHaveLength(1));
    // Nor while it runs; another file does.
    await of.downloads.start(request('x'));
    void of.downloads.start(request('y'));
    await vi.waitFor(() => expect(of.feeds).toHaveLength(2));
  });

  it('downloads: one that did not even begin is an error of the call, and may be asked for again', async () => {
    const of = bench();
    const first = of.downloads.start(request('x'));
    await vi.waitFor(() => expect(of.feeds).toHaveLength(1));
    of.feeds[0]?.fail(new AppError('storage.busy', 'Busy.'));
    await expect(first).rejects.toMatchObject({ code: 'storage.busy' });
    expect(of.phases()).toEqual([]);
    await begun(of, 'x');
    expect(of.phases()).toEqual([['x', 'starting', 0]]);
  });

  it('downloads: what an earlier visit left waits; one of another tab is only shown', async () => {
    const of = bench();
    of.keep('left', 30);
    of.keep('theirs', 50, true);
    await of.downloads.refresh();
    expect(of.phases()).toEqual([
      ['left', 'paused', 30],
      ['theirs', 'elsewhere', 50],
    ]);
    of.listWith(() => Promise.reject(new Error('no worker')));
    await of.downloads.refresh();
    expect(of.phases()).toHaveLength(2);
  });

  it('downloads: a list that is older than a download does not drop it', async () => {
    const of = bench();
    const late = Promise.withResolvers<HubDownloadState[]>();
    of.listWith(() => late.promise);
    const refreshed = of.downloads.refresh();
    of.listWith(() => Promise.resolve([...of.kept.values()]));
    await begun(of, 'x');
    late.resolve([]);
    await refreshed;
    expect(of.phases()).toEqual([['x', 'starting', 0]]);
  });

  it('downloads: a list that is older than a discard does not bring it back', async () => {
    const of = bench();
    of.keep('x', 10);
    await of.downloads.refresh();
    const late = Promise.withResolvers<HubDownloadState[]>();
    const stale = [...of.kept.values()];
    of.listWith(() => late.promise);
    const refreshed = of.downloads.refresh();
    of.listWith(() => Promise.resolve([...of.kept.values()]));
    await of.downloads.discard('x');
    late.resolve(stale);
    await refreshed;
    expect(of.phases()).toEqual([]);
  });

  it('downloads: discarding one that runs stops it first', async () => {
    const of = bench();
    const { feed, done } = await begun(of, 'x');
    await of.downloads.discard('x');
    await done;
    expect(feed.signal?.aborted).toBe(true);
    expect(of.calls.discarded).toEqual(['x']);
    expect(of.phases()).toEqual([]);
  });

  it('downloads: starting over removes what is here and fetches the same again', async () => {
    const of = bench();
    const { feed, done } = await begun(of, 'x');
    feed.fail(new AppError('download.changed', 'Changed.'));
    await done;
    void of.downloads.startOver('x');
    await vi.waitFor(() => expect(of.feeds).toHaveLength(2));
    expect(of.calls.discarded).toEqual(['x']);
    of.feeds[1]?.put({ type: 'started', download: download('x') });
    await vi.waitFor(() => expect(of.phases()).toEqual([['x', 'starting', 0]]));
  });

  it('downloads: with the network back, those go on that it stopped, and no others', async () => {
    const of = bench();
    const offline = await begun(of, 'offline');
    const refused = await begun(of, 'refused');
    offline.feed.fail(new AppError('download.offline', 'No net.'));
    refused.feed.fail(new AppError('download.checksum', 'Wrong.'));
    await Promise.all([offline.done, refused.done]);
    of.downloads.online();
    await vi.waitFor(() => expect(of.feeds).toHaveLength(3));
    const phaseOf = (id: string) => of.downloads.entries.find((entry) => entry.download.id === id)?.phase;
    expect([phaseOf('offline'), phaseOf('refused')]).toEqual(['starting', 'failed']);
  });

  it('downloads: a model that cannot be installed keeps its files, and is tried again without the network', async () => {
    const of = bench();
    of.adoptWith(() => Promise.reject(new AppError('model.bad-header', 'Bad.')));
    const { feed, done } = await begun(of, 'x');
    of.keep('x', 100);
    feed.put({ type: 'outcome', download: download('x'), files: [] });
    feed.end();
    await done;
    expect(of.phases()).toEqual([['x', 'failed', 100]]);
    expect(of.calls).toMatchObject({ discarded: [], installed: [] });
  });

  it('downloads: a stopped transfer is no failure', async () => {
    const of = bench();
    const { feed, done } = await begun(of, 'x');
    feed.fail(new AppError('download.stopped', 'Stopped.'));
    await done;
    expect(of.downloads.entries[0]).toMatchObject({ phase: 'paused', error: null });
  });

  it('downloads: a vault that does not open is why an earlier one does not go on', async () => {
    const of = bench(() => Promise.reject(new AppError('vault.locked', 'Locked.')));
    of.keep('x', 10);
    await of.downloads.refresh();
    await of.downloads.resume('x');
    expect(of.downloads.entries[0]).toMatchObject({ phase: 'failed', error: { code: 'vault.locked' } });
    await expect(of.downloads.start(request('y'))).rejects.toMatchObject({ code: 'vault.locked' });
  });

  it.each([
    ['owner/Name-1B-GGUF', 'Q4_K_M', 'Name-1B Q4_K_M'],
    ['owner/name.gguf', null, 'name'],
    ['plain', 'F16', 'plain F16'],
  ])('downloads: %s in %s is called %s', (id, quantisation, name) => {
    expect(modelNameOf(id, quantisation)).toBe(name);
  });
});
