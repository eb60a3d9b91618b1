// What can be done with a source as a whole, for a menu: read it anew, disconnect it with or without its rows.
import type { BackendRecord } from '../../../protocol/backends';
import type { IconName } from '../../components/icon-names';
import { t } from '../../i18n/index.svelte';
import type { AppServices } from '../../state/app-context';
import { attempt } from '../../state/attempt';
import type { BackendsState } from '../../state/backends.svelte';

export interface SourceAction {
  label: string;
  icon: IconName;
  danger?: boolean;
  run: () => void;
}

export function backendActions(
  { dialogs, storage }: Pick<AppServices, 'dialogs' | 'storage'>,
  backends: BackendsState,
  backend: BackendRecord,
  onbuild: () => void,
): SourceAction[] {
  async function remove(withDataset: boolean): Promise<void> {
    const sure = await dialogs.confirm({
      title: t('backends.removeTitle', { name: backend.id }),
      body: t(withDataset ? 'backends.removeWithBody' : 'backends.removeBody'),
      confirm: t(withDataset ? 'backends.removeWith' : 'backends.remove'),
      danger: true,
    });
    if (!sure) return;
    await attempt(dialogs, t('backends.removeFailed'), () => backends.remove(backend.id, withDataset));
    await storage.refresh();
  }

  const leave: SourceAction = {
    label: t('backends.remove'),
    icon: 'x',
    danger: true,
    run: () => void remove(false),
  };
  if (!backends.isBuilt(backend)) return [leave];
  return [
    { label: t('backends.readAgain'), icon: 'refresh', run: onbuild },
    leave,
    { label: t('backends.removeWith'), icon: 'trash', danger: true, run: () => void remove(true) },
  ];
}
