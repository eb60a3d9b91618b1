// Says why a model runs where it does, when that is not where it runs best: an ONNX graph that the GPU does not take.
import type { AppClients } from '../clients/app-clients';
import { t } from '../i18n/index.svelte';
import type { Toasts } from './toasts.svelte';

/** @returns stops watching */
export function watchModelNotes(
  bus: Pick<AppClients['bus'], 'on'>,
  toasts: Pick<Toasts, 'show'>,
): () => void {
  return bus.on('model.loaded', ({ model, note }) => {
    if (note === null) return;
    toasts.show({ tone: 'warn', title: t('models.elsewhere', { name: model.name }), body: note });
  });
}
