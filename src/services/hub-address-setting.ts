// The hub's address out of the stored settings. The page writes them; a worker asks for them when it needs the address, so that a
// change counts from the next call on.
import { parseSettings } from '../core/config/parse-settings';
import { defaultSettings } from '../core/config/settings';
import { SETTINGS_DOCUMENT } from '../core/config/settings-store';
import type { Database } from '../core/database';

/** The default where nothing readable is stored. */
export async function storedHubAddress(database: Database): Promise<string> {
  const stored = await database.get('documents', SETTINGS_DOCUMENT);
  if (stored === undefined) return defaultSettings.hub.endpoint;
  try {
    return parseSettings(stored).hub.endpoint;
  } catch {
    return defaultSettings.hub.endpoint;
  }
}
