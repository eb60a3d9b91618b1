// Preferences and stored settings say the same, whichever of the two changes.
import { describe, expect, it, vi } from 'vitest';
import { Preferences } from '../../src/app/state/preferences.svelte';
import { joinPreferences } from '../../src/app/state/settings-link';
import { SettingsStore } from '../../src/core/config/settings-store';

async function joined() {
  const kept = new Map<string, unknown>();
  const store = new SettingsStore({
    get: (name) => Promise.resolve(kept.get(name)),
    put: (name, document) => Promise.resolve(void kept.set(name, document)),
  });
  await store.load();
  await store.update({ appearance: { theme: 'dark', language: 'es' } });
  const preferences = new Preferences(null, 'en');
  joinPreferences(preferences, store);
  return { store, preferences };
}

describe('settings link', () => {
  it('lets the stored settings win at start', async () => {
    const { preferences } = await joined();
    expect(preferences.values).toMatchObject({ theme: 'dark', language: 'es' });
  });

  it('keeps what the user changes on the page', async () => {
    const { store, preferences } = await joined();
    preferences.set({ theme: 'light', backend: 'wasm' });
    await vi.waitFor(() => expect(store.current.appearance.theme).toBe('light'));
    expect(store.current).toMatchObject({ engine: { backend: 'wasm' }, appearance: { language: 'es' } });
  });

  it('shows settings that were imported', async () => {
    const { store, preferences } = await joined();
    await store.replace({ ...store.current, appearance: { theme: 'light', language: 'en' } });
    expect(preferences.values).toMatchObject({ theme: 'light', language: 'en' });
  });

  it('leaves the language alone where the settings follow the system', async () => {
    const { store, preferences } = await joined();
    await store.update({ appearance: { language: 'system' } });
    expect(preferences.values.language).toBe('es');
  });
});
