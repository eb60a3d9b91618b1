// Whether a GGUF file is a model or an adapter, from its first keys: what a screen asks before anybody reads the whole header.
// It judges nothing else; a file that cannot be read is taken for a model, and whoever opens it says what is wrong.
import { AppError } from '../../errors';
import { GgufCursor } from './gguf-cursor';
import { GGUF_MAGIC } from './gguf-types';
import { newAllowance, readGgufValue } from './gguf-values';

export type GgufKind = 'model' | 'adapter';

/** Keys that tell, or come after those. */
const MOST_KEYS = 256;

export async function ggufKindOf(file: Blob): Promise<GgufKind> {
  try {
    return (await readKind(new GgufCursor(file))) === 'adapter' ? 'adapter' : 'model';
  } catch (error) {
    if (error instanceof AppError) return 'model';
    throw error;
  }
}

/** The value of general.type, or what an adapter's own key says; null where neither stands before the vocabulary. */
async function readKind(cursor: GgufCursor): Promise<string | null> {
  if ((await cursor.uint32('the magic number')) !== GGUF_MAGIC) return null;
  await cursor.uint32('the version');
  await cursor.size('the number of tensors');
  const keys = Math.min(await cursor.size('the number of metadata keys'), MOST_KEYS);
  const allowance = newAllowance();
  for (let i = 0; i < keys; i += 1) {
    const key = await cursor.string(`metadata key ${i}`);
    if (key.startsWith('tokenizer.')) return null;
    if (key.startsWith('adapter.')) return 'adapter';
    const value = await readGgufValue(cursor, key, allowance);
    if (key === 'general.type' && value.type === 'string') return value.value;
  }
  return null;
}
