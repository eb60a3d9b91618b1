// Changing the language: load its words first, then keep the choice.
import { useLanguage, type Language } from '../i18n/index.svelte';
import type { AppServices } from './app-context';

export async function changeLanguage(
  app: Pick<AppServices, 'preferences' | 'dialogs'>,
  language: Language,
): Promise<void> {
  try {
    await useLanguage(language);
    app.preferences.set({ language });
  } catch (error) {
    app.dialogs.error(error);
  }
}
