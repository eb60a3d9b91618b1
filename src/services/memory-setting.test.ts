import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import { SETTINGS_DOCUMENT } from '../core/config/settings-store';
import { openDatabase } from '../core/database';
import { memoryLimitOf } from './memory-setting';

async function databaseWith(settings: unknown) {
  const database = await openDatabase(crypto.randomUUID());
  if (settings !== null) await database.put('documents', settings, SETTINGS_DOCUMENT);
  return database;
}

const said = (memoryGigabytes: unknown) => ({ version: 1, engine: { memoryGigabytes } });

describe('memory setting', () => {
  it.each([
    ['nobody knows', null, null, null],
    ['only the device says', 4e9, null, 4e9],
    ['only the user says', null, said(6), 6e9],
    ['the user says less than the device', 4e9, said(1.5), 1.5e9],
    ['the user says more than the device', 4e9, said(24), 4e9],
    ['the user took it back', null, said(null), null],
    ['settings of an older version', null, { version: 1, engine: { backend: 'wasm' } }, null],
    ['settings that cannot be read', 4e9, said('much'), 4e9],
  ])('memory setting: %s', async (_, deviceBytes, settings, expected) => {
    expect(await memoryLimitOf(deviceBytes, await databaseWith(settings))).toBe(expected);
  });
});
