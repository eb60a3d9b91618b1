// A pass over a dataset with what an encoder made of it: block by block, so that memory holds one of them. A vector that cannot
// be read is forgotten: it is made anew.
import { sha256 } from 'hash-wasm';
import { vectorFromBytes } from '../caches/vector-bytes';
import type { ValueCache } from '../caches/value-cache';
import type { EncodingSource } from './encoding-source';

export interface KeptVectorsParts {
  source: EncodingSource;
  /** Revision of the encoder. */
  revision: string;
  cache: ValueCache;
  /** Damaged vectors stay where they are. */
  readOnly: boolean;
  /** Called between blocks: other calls of the worker go first. */
  pause: () => Promise<void>;
}

interface SampleKey {
  sample: number;
  /** What its vector is kept under. */
  key: string;
}

export interface KeptVector extends SampleKey {
  /** null where it is not there. */
  vector: Float32Array<ArrayBuffer> | null;
}

const BLOCK = 256;

/** Samples that have something to encode, in order. */
export async function* keptVectors(parts: KeptVectorsParts): AsyncGenerator<KeptVector[]> {
  for await (const block of vectorKeys(parts)) yield await withVectors(block, parts);
}

/** As `keptVectors`, without the vectors. */
export async function* vectorKeys({
  source,
  revision,
  pause,
}: Omit<KeptVectorsParts, 'cache' | 'readOnly'>): AsyncGenerator<SampleKey[]> {
  let block: SampleKey[] = [];
  for (let sample = 0; sample < source.count; sample++) {
    if (source.leftOut.has(sample)) continue;
    const content = await source.contentOf(sample);
    if (content === null) continue;
    block.push({ sample, key: await keyOf(revision, content) });
    if (block.length < BLOCK) continue;
    yield block;
    block = [];
    await pause();
  }
  if (block.length > 0) yield block;
}

async function withVectors(
  block: readonly SampleKey[],
  { cache, readOnly }: KeptVectorsParts,
): Promise<KeptVector[]> {
  const stored = await cache.read(block.map(({ key }) => key));
  return Promise.all(
    block.map(async ({ sample, key }, i) => {
      const bytes = stored[i] ?? null;
      const vector = bytes === null ? null : vectorFromBytes(bytes);
      if (bytes !== null && vector === null && !readOnly) await cache.forget(key);
      return { sample, key, vector };
    }),
  );
}

function keyOf(revision: string, content: string): Promise<string> {
  return sha256(`${revision}\n${content}`);
}
