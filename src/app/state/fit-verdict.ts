// What an estimate means in two words: whether a model can be chatted with and trained on this device, and in which storage of its
// weights. Pure; words are the view's.
import type { ModelEstimate, StorageFit } from '../../protocol/engine';
import type { WeightStorage } from '../../protocol/models';

export type FitKey =
  /** Chat and training with all 32 bits. */
  | 'both'
  /** The same over a base in fewer bits. */
  | 'few'
  /** Training fits, but leaves next to nothing. */
  | 'tight'
  | 'chat'
  | 'none'
  /** The device does not say what it has. */
  | 'needs';

export interface FitVerdict {
  key: FitKey;
  canChat: boolean;
  canTrain: boolean;
  /** The most precise one that all this holds for; null where none does or the device does not say. */
  storage: WeightStorage | null;
  /** The least that a chat takes. */
  chatBytes: number;
}

/** Share of the memory beyond which nothing else has room. */
const TIGHT = 0.9;

export function fitVerdict(estimate: ModelEstimate): FitVerdict {
  const { chat, train, limitBytes } = estimate;
  const trained = train.find(({ fits, storage }) => fits && fitsIn(chat, storage)) ?? null;
  const chatted = chat.find(({ fits }) => fits) ?? null;
  const facts = {
    canChat: chatted !== null,
    canTrain: trained !== null,
    chatBytes: Math.min(...chat.map(({ bytes }) => bytes)),
  };
  if (chatted === null) return { ...facts, key: 'none', storage: null };
  if (trained === null) return { ...facts, key: 'chat', storage: chatted.storage };
  if (limitBytes === null) return { ...facts, key: 'needs', storage: null };
  const least = train.filter(({ fits }) => fits).reduce((a, b) => (b.bytes < a.bytes ? b : a), trained);
  if (least.bytes > TIGHT * limitBytes) return { ...facts, key: 'tight', storage: least.storage };
  return { ...facts, key: trained.storage === 'f32' ? 'both' : 'few', storage: trained.storage };
}

const fitsIn = (fits: readonly StorageFit[], storage: WeightStorage): boolean =>
  fits.some((fit) => fit.storage === storage && fit.fits);

/**
 * The storage that a file's own precision comes nearest to, or the nearest one there is.
 * @param precision as its name has it: `Q4_K_M`, `BF16`; null is unknown.
 */
export function storageNear({ chat }: ModelEstimate, precision: string | null): WeightStorage {
  const wanted = storageOf(precision);
  return chat.some(({ storage }) => storage === wanted) ? wanted : (chat[0]?.storage ?? 'f32');
}

/** In one storage; null where the device does not have it. */
export function fitOf(fits: readonly StorageFit[], storage: WeightStorage): StorageFit | null {
  return fits.find((fit) => fit.storage === storage) ?? null;
}

function storageOf(precision: string | null): WeightStorage {
  if (precision === null || /^(?:F|FP)32$/i.test(precision)) return 'f32';
  if (/^(?:BF|F|FP)16$/i.test(precision)) return 'f16';
  return /Q[68]/i.test(precision) ? 'int8' : 'int4';
}
