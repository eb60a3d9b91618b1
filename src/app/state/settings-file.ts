// The settings as a file to read and edit, out and in. What reads and writes it is loaded when it is asked for.
import type { SettingsFormat } from '../../core/config/settings-format';
import type { SettingsStore } from '../../core/config/settings-store';
import { t, useLanguage } from '../i18n/index.svelte';
import type { AppServices } from './app-context';
import { downloadFile } from './download';

type Needed = Pick<AppServices, 'dialogs' | 'toasts' | 'preferences'>;
const TYPES: Record<SettingsFormat, string> = { json: 'application/json', yaml: 'application/yaml' };

export async function exportSettingsFile(
  { dialogs, toasts }: Needed,
  store: SettingsStore,
  format: SettingsFormat,
): Promise<void> {
  try {
    const { exportSettings } = await import('../../core/config/settings-format');
    const text = await exportSettings(store.current, format);
    const name = `fragua-settings.${format}`;
    downloadFile({ name, blob: new Blob([text], { type: TYPES[format] }) });
    toasts.show({ tone: 'ok', title: t('common.exported', { name }) });
  } catch (error) {
    dialogs.error(error);
  }
}

/** All or nothing: a file with one wrong value changes nothing, and the dialog names the value. */
export async function importSettingsFile(
  { dialogs, toasts, preferences }: Needed,
  store: SettingsStore,
  file: File,
): Promise<void> {
  try {
    const { importSettings, settingsFormatOf } = await import('../../core/config/settings-format');
    await store.replace(await importSettings(await file.text(), settingsFormatOf(file.name)));
    await useLanguage(preferences.values.language);
    toasts.show({ tone: 'ok', title: t('settings.file.imported') });
  } catch (error) {
    dialogs.error(error, { title: t('settings.file.failed') });
  }
}
