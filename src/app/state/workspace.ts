// Taking the workspace away as one file, and reading such a file.
import { t, useLanguage } from '../i18n/index.svelte';
import type { AppServices } from './app-context';
import { downloadFile } from './download';

const EVERYTHING = { conversations: true, runs: true, settings: true };

type Needed = Pick<AppServices, 'clients' | 'dialogs' | 'toasts'>;
type NeededToImport = Needed & Pick<AppServices, 'settings' | 'preferences'>;

export async function exportWorkspace(
  { clients, dialogs, toasts }: Needed,
  parts = EVERYTHING,
): Promise<void> {
  try {
    const file = await clients.features.exportWorkspace(parts);
    downloadFile(file);
    toasts.show({ tone: 'ok', title: t('common.exported', { name: file.name }) });
  } catch (error) {
    dialogs.error(error);
  }
}

/** @returns whether something may have been added. */
export async function importWorkspace(
  { clients, dialogs, toasts, settings, preferences }: NeededToImport,
  file: File,
): Promise<boolean> {
  try {
    const counts = await clients.features.importWorkspace({ name: file.name, blob: file });
    if (counts.settings > 0 && settings !== null) {
      await settings.load();
      await useLanguage(preferences.values.language);
    }
    toasts.show({
      tone: 'ok',
      title: t('settings.workspace.imported'),
      body: t('settings.workspace.importedCounts', { ...counts }),
    });
    return true;
  } catch (error) {
    dialogs.error(error);
    return false;
  }
}
