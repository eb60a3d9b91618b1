// Learning-rate schedules in words; one that a plugin brings goes by its own name.
import { t } from '../../i18n/index.svelte';

export function scheduleText(name: string): string {
  switch (name) {
    case 'cosine':
    case 'linear':
    case 'constant':
    case 'wsd':
      return t(`tune.${name}`);
    default:
      return name;
  }
}
