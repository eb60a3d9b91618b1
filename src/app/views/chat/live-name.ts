// What a chat with a run calls it: its name while it trains, afterwards that of the adapter that it left.
import { t } from '../../i18n/index.svelte';
import type { AppServices } from '../../state/app-context';

export function liveName(
  { activity, library }: Pick<AppServices, 'activity' | 'library'>,
  runId: string,
): string {
  const run = activity.run?.id === runId ? activity.run.config : null;
  const left = library.adapters.find((adapter) => adapter.runId === runId);
  return t('chat.inTraining', { name: run?.name ?? left?.name ?? t('chat.aRun') });
}
