// What addresses gave, kept in the blob store up to a budget: what was used longest ago makes room. A cache that cannot be
// written is no failure. When files were used is remembered from one opening to the next by `save`.
import * as v from 'valibot';
import type { BlobStore } from '../../../lib/storage/blob-store';

const indexSchema = v.record(v.string(), v.number());

export interface DownloadCacheParts {
  blobs: BlobStore;
  /** Its files and nothing else lie in it. */
  folder: string;
  budgetBytes: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

interface Kept {
  bytes: number;
  usedAt: number;
}

export class DownloadCache {
  readonly #parts: DownloadCacheParts;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #usedBytes = 0;

  private constructor(parts: DownloadCacheParts, kept: readonly (readonly [string, Kept])[]) {
    this.#parts = parts;
    for (const [name, entry] of kept) this.#note(name, entry);
  }

  static async open(parts: DownloadCacheParts): Promise<DownloadCache> {
    const { blobs, folder } = parts;
    const used = await readIndex(blobs, folder);
    const files = (await blobs.list(`${folder}/files`)).map(({ path, sizeBytes }): [string, Kept] => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return [name, { bytes: sizeBytes, usedAt: used[name] ?? 0 }];
    });
    return new DownloadCache(
      parts,
      files.sort(([, a], [, b]) => a.usedAt - b.usedAt),
    );
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes; null where it is not kept. */
  sizeOf(name: string): number | null {
    return this.#kept.get(name)?.bytes ?? null;
  }

  async get(name: string): Promise<Blob | null> {
    const kept = this.#kept.get(name);
    if (kept === undefined) return null;
    const blob = await this.#parts.blobs.read(this.#path(name));
    this.#forget(name);
    if (blob !== null) this.#note(name, { ...kept, usedAt: this.#parts.now() });
    return blob;
  }

  /** What is larger than the budget is not kept. */
  async put(name: string, blob: Blob): Promise<void> {
    const { blobs, budgetBytes, now } = this.#parts;
    if (blob.size > budgetBytes) return;
    this.#forget(name);
    const surplus = this.#oldest(this.#usedBytes + blob.size - budgetBytes);
    // Counted before it is written: others are put at the same time.
    this.#note(name, { bytes: blob.size, usedAt: now() });
    try {
      for (const old of surplus) await blobs.remove(this.#path(old));
      await blobs.write(this.#path(name), blob);
    } catch {
      this.#forget(name);
      // No room on the disk, or no disk: it is fetched again when it is wanted again.
      await blobs.remove(this.#path(name)).catch(() => undefined);
    }
  }

  async save(): Promise<void> {
    const used = Object.fromEntries([...this.#kept].map(([name, { usedAt }]) => [name, usedAt]));
    const { blobs, folder } = this.#parts;
    await blobs.write(indexPath(folder), new Blob([JSON.stringify(used)])).catch(() => undefined);
  }

  /** Takes files off the list until so many bytes are free. */
  #oldest(bytes: number): string[] {
    const names: string[] = [];
    for (const [name, kept] of this.#kept) {
      if (bytes <= 0) break;
      bytes -= kept.bytes;
      names.push(name);
    }
    for (const name of names) this.#forget(name);
    return names;
  }

  #note(name: string, kept: Kept): void {
    this.#kept.set(name, kept);
    this.#usedBytes += kept.bytes;
  }

  #forget(name: string): void {
    this.#usedBytes -= this.#kept.get(name)?.bytes ?? 0;
    this.#kept.delete(name);
  }

  #path(name: string): string {
    return `${this.#parts.folder}/files/${name}`;
  }
}

const indexPath = (folder: string): string => `${folder}/used.json`;

async function readIndex(blobs: BlobStore, folder: string): Promise<Record<string, number>> {
  try {
    const text = await (await blobs.read(indexPath(folder)))?.text();
    const parsed = v.safeParse(indexSchema, JSON.parse(text ?? '{}'));
    return parsed.success ? parsed.output : {};
  } catch {
    return {};
  }
}
