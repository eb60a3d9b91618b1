// What an estimate means in two words: whether a model can be chatted with and trained on this device. Pure; words are the view's.
import type { ModelEstimate, StorageFit } from '../../protocol/engine';

export type FitKey = 'both' | 'few' | 'chat' | 'none' | 'needs';

export interface FitVerdict {
  /** `few`: trained over a base in fewer than 32 bits. `needs`: the device does not say what it has. */
  key: FitKey;
  canChat: boolean;
  canTrain: boolean;
  /** The least that a chat takes. */
  chatBytes: number;
}

export function fitVerdict({ chat, train, limitBytes }: ModelEstimate): FitVerdict {
  const canChat = chat.some(({ fits }) => fits);
  const canTrain = train.some(({ fits }) => fits);
  const chatBytes = Math.min(...chat.map(({ bytes }) => bytes));
  return { key: keyOf(canChat, train, limitBytes), canChat, canTrain, chatBytes };
}

function keyOf(canChat: boolean, train: readonly StorageFit[], limitBytes: number | null): FitKey {
  if (!canChat) return 'none';
  if (limitBytes === null) return train.some(({ fits }) => fits) ? 'needs' : 'chat';
  if (train.some(({ storage, fits }) => storage === 'f32' && fits)) return 'both';
  return train.some(({ fits }) => fits) ? 'few' : 'chat';
}

/**
 * What a chat takes in the storage that the file's own precision comes nearest to, or in the nearest one there is.
 * @param precision as its name has it: `Q4_K_M`, `BF16`; null is unknown.
 */
export function chatFit({ chat }: ModelEstimate, precision: string | null): StorageFit | null {
  const wanted = storageOf(precision);
  return chat.find(({ storage }) => storage === wanted) ?? chat[0] ?? null;
}

function storageOf(precision: string | null): StorageFit['storage'] {
  if (precision === null || /^(?:F|FP)32$/i.test(precision)) return 'f32';
  if (/^(?:BF|F|FP)16$/i.test(precision)) return 'f16';
  return /Q[68]/i.test(precision) ? 'int8' : 'int4';
}
