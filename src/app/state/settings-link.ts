// Joins the preferences, which must be there before first paint, to the settings that are exported and imported with
// the workspace: theme, language and backend stand in both. The stored settings win at start.
import type { Database } from '../../core/database';
import type { Settings, SettingsPatch } from '../../core/config/settings';
import type { SettingsStore } from '../../core/config/settings-store';
import type { PreferenceValues, Preferences } from './preferences.svelte';

type Shared = Pick<PreferenceValues, 'theme' | 'language' | 'backend'>;

export function sharedFrom({ appearance, engine }: Settings): Partial<Shared> {
  const { theme, language } = appearance;
  return { theme, backend: engine.backend, ...(language === 'system' ? {} : { language }) };
}

export const settingsPatch = ({ theme, language, backend }: Shared): SettingsPatch => ({
  appearance: { theme, language },
  engine: { backend },
});

const differs = (a: Partial<Shared>, b: Shared) =>
  (Object.keys(a) as (keyof Shared)[]).some((key) => a[key] !== b[key]);

/** Makes both say the same, now and at each change of either. */
export async function linkSettings(preferences: Preferences, database: Database): Promise<SettingsStore> {
  const { SettingsStore, databaseDocuments, SETTINGS_DOCUMENT } =
    await import('../../core/config/settings-store');
  const documents = databaseDocuments(database);
  const firstVisit = (await documents.get(SETTINGS_DOCUMENT)) === undefined;
  const store = new SettingsStore(documents);
  await store.load();
  if (firstVisit) await store.update(settingsPatch(preferences.values));
  joinPreferences(preferences, store);
  return store;
}

export function joinPreferences(
  preferences: Preferences,
  store: Pick<SettingsStore, 'current' | 'update' | 'subscribe'>,
): void {
  const follow = (settings: Settings) => {
    const shared = sharedFrom(settings);
    if (differs(shared, preferences.values)) preferences.set(shared);
  };
  follow(store.current);
  store.subscribe(follow);
  preferences.onChange((values) => {
    if (!differs(sharedFrom(store.current), values)) return;
    store
      .update(settingsPatch(values))
      .catch((error: unknown) => console.warn('The settings were not kept.', error));
  });
}
