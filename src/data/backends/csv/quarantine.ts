// Addresses that failed: how often, when and why. After some failures they are left alone for a day. Nothing is removed from
// the list that they stand in. Kept in the blob store from one opening to the next.
import * as v from 'valibot';
import type { BlobStore } from '../../../lib/storage/blob-store';

const failureSchema = v.object({ failures: v.number(), reason: v.string(), at: v.number() });
const fileSchema = v.record(v.string(), failureSchema);

export type Failure = v.InferOutput<typeof failureSchema>;

export const MOST_FAILURES = 3;
const RELEASED_AFTER_MS = 24 * 60 * 60 * 1000;

export class Quarantine {
  readonly #blobs: BlobStore;
  readonly #path: string;
  readonly #now: () => number;
  readonly #failed: Map<string, Failure>;
  #changed = false;

  private constructor(blobs: BlobStore, path: string, now: () => number, failed: Map<string, Failure>) {
    this.#blobs = blobs;
    this.#path = path;
    this.#now = now;
    this.#failed = failed;
  }

  static async open(blobs: BlobStore, folder: string, now: () => number): Promise<Quarantine> {
    const path = `${folder}/failed.json`;
    const text = await (await blobs.read(path).catch(() => null))?.text();
    return new Quarantine(blobs, path, now, new Map(Object.entries(parse(text ?? '{}'))));
  }

  /** Why it is not asked again for now; null where it may be. */
  reasonAgainst(name: string): Failure | null {
    const failure = this.#failed.get(name);
    if (failure === undefined || failure.failures < MOST_FAILURES) return null;
    return this.#now() - failure.at < RELEASED_AFTER_MS ? failure : null;
  }

  /** @returns how often it failed by now. */
  add(name: string, reason: string): Failure {
    const failures = (this.#failed.get(name)?.failures ?? 0) + 1;
    const failure = { failures, reason, at: this.#now() };
    this.#failed.set(name, failure);
    this.#changed = true;
    return failure;
  }

  release(name: string): void {
    if (this.#failed.delete(name)) this.#changed = true;
  }

  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const text = JSON.stringify(Object.fromEntries(this.#failed));
    await this.#blobs.write(this.#path, new Blob([text])).catch(() => undefined);
  }
}

/** What cannot be read is forgotten: the addresses are asked again. */
function parse(text: string): Record<string, Failure> {
  try {
    const parsed = v.safeParse(fileSchema, JSON.parse(text));
    return parsed.success ? parsed.output : {};
  } catch {
    return {};
  }
}
