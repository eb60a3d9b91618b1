// How much the browser lets this site keep, asking it to keep it, and the error for when it is full.
import { AppError } from '../errors';

export interface StorageEstimate {
  usageBytes: number;
  quotaBytes: number;
  /** The browser will not evict it under pressure. */
  persisted: boolean;
}

/** The part of `navigator.storage` that is used here. */
export type StorageAccess = Partial<Pick<StorageManager, 'estimate' | 'persist' | 'persisted'>>;

/** Absent on pages without HTTPS. */
function browserStorage(): StorageAccess | undefined {
  return 'navigator' in globalThis ? navigator.storage : undefined;
}

/** @returns null where the browser does not tell. */
export async function estimateStorage(
  storage: StorageAccess | undefined = browserStorage(),
): Promise<StorageEstimate | null> {
  try {
    const estimate = await storage?.estimate?.();
    if (estimate?.quota === undefined) return null;
    const persisted = (await storage?.persisted?.()) ?? false;
    return { usageBytes: estimate.usage ?? 0, quotaBytes: estimate.quota, persisted };
  } catch {
    return null;
  }
}

/** Asks to be spared from eviction; false where the browser declines. Only pages may ask, workers may not. */
export async function persistStorage(
  storage: StorageAccess | undefined = browserStorage(),
): Promise<boolean> {
  try {
    return (await storage?.persisted?.()) === true || (await storage?.persist?.()) === true;
  } catch {
    return false;
  }
}

/** True for the browsers' ways of saying that the disk or the site's share is full. */
export function isQuotaError(error: unknown): boolean {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return name === 'QuotaExceededError' || name === 'NS_ERROR_DOM_QUOTA_REACHED';
}

/** @param neededBytes size of what was to be written; null when it was a stream. */
export async function quotaError(
  path: string,
  neededBytes: number | null,
  cause: unknown,
  storage: StorageAccess | undefined = browserStorage(),
): Promise<AppError<'storage.quota'>> {
  const estimate = await estimateStorage(storage);
  const freeBytes = estimate === null ? null : Math.max(0, estimate.quotaBytes - estimate.usageBytes);
  const needed = neededBytes === null ? 'more room' : megabytes(neededBytes);
  const free = freeBytes === null ? '' : `; ${megabytes(freeBytes)} of the browser's share are free`;
  return new AppError('storage.quota', `No room left: ${path} needs ${needed}${free}.`, {
    details: { path, neededBytes, freeBytes, ...estimate },
    remedy: 'Delete models, checkpoints or datasets you no longer need, or free space on the disk.',
    cause,
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
