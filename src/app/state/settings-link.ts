// Joins the preferences, which must be there before first paint, to the settings that are exported and imported with
// the workspace: theme, language and backend stand in both. The stored settings win at start.
import type { Database } from '../../core/database';
import type { Settings } from '../../core/config/settings';
import type { PreferenceValues, Preferences } from './preferences.svelte';

type Shared = Pick<PreferenceValues, 'theme' | 'language' | 'backend'>;

export function sharedFrom({ appearance, engine }: Settings): Partial<Shared> {
  const { theme, language } = appearance;
  return { theme, backend: engine.backend, ...(language === 'system' ? {} : { language }) };
}

const settingsPatch = ({ theme, language, backend }: Shared) => ({
  appearance: { theme, language },
  engine: { backend },
});

const differs = (a: Partial<Shared>, b: Shared) =>
  (Object.keys(a) as (keyof Shared)[]).some((key) => a[key] !== b[key]);

/** Reads the stored settings into the preferences, then keeps the stored ones as the preferences are. */
export async function linkSettings(preferences: Preferences, database: Database): Promise<void> {
  const { SettingsStore, databaseDocuments, SETTINGS_DOCUMENT } =
    await import('../../core/config/settings-store');
  const documents = databaseDocuments(database);
  const firstVisit = (await documents.get(SETTINGS_DOCUMENT)) === undefined;
  const store = new SettingsStore(documents);
  const stored = sharedFrom(await store.load());
  if (firstVisit) await store.update(settingsPatch(preferences.values));
  else if (differs(stored, preferences.values)) preferences.set(stored);
  preferences.onChange((values) => {
    if (!differs(sharedFrom(store.current), values)) return;
    store
      .update(settingsPatch(values))
      .catch((error: unknown) => console.warn('The settings were not kept.', error));
  });
}
