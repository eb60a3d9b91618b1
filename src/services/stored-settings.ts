// The stored settings as a worker sees them. The page writes them; a worker asks for them when it needs one, so that a change
// counts from the next call on.
import { parseSettings } from '../core/config/parse-settings';
import { defaultSettings, type Settings } from '../core/config/settings';
import { SETTINGS_DOCUMENT } from '../core/config/settings-store';
import type { Database } from '../core/database';

/** The defaults where nothing readable is stored. */
export async function storedSettings(database: Pick<Database, 'get'>): Promise<Settings> {
  const stored: unknown = await database.get('documents', SETTINGS_DOCUMENT);
  if (stored === undefined) return defaultSettings;
  try {
    return parseSettings(stored);
  } catch {
    return defaultSettings;
  }
}
