// What a model and its training may take together: the least of what the device says and what the user said of it.
import type { Database } from '../core/database';
import { storedSettings } from './stored-settings';

const GIGABYTE = 1e9;

/** @param deviceBytes as the device says; null where it says nothing. @returns null when nobody knows. */
export async function memoryLimitOf(
  deviceBytes: number | null,
  database: Pick<Database, 'get'>,
): Promise<number | null> {
  const { memoryGigabytes } = (await storedSettings(database)).engine;
  const saidBytes = memoryGigabytes === null ? null : memoryGigabytes * GIGABYTE;
  if (deviceBytes === null || saidBytes === null) return deviceBytes ?? saidBytes;
  return Math.min(deviceBytes, saidBytes);
}
