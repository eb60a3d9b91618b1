// The screens of the sidebar and the bottom tabs, in order.
import type { TextKey } from '../../i18n/index.svelte';
import type { ViewName } from '../../state/route';
import type { IconName } from '../icon-names';

export interface NavigationItem {
  view: ViewName;
  icon: IconName;
  label: TextKey;
}

export const NAVIGATION: readonly NavigationItem[] = [
  { view: 'chat', icon: 'chat', label: 'shell.view.chat' },
  { view: 'tune', icon: 'tune', label: 'shell.view.tune' },
  { view: 'data', icon: 'data', label: 'shell.view.data' },
  { view: 'models', icon: 'models', label: 'shell.view.models' },
  { view: 'settings', icon: 'settings', label: 'shell.view.settings' },
];
