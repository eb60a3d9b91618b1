// `?backend=wasm` in the address: a choice for this visit that is not kept.
import { BACKEND_CHOICES } from '../../core/config/settings';
import type { BackendChoice } from '../../protocol/engine';

/** null where the address names none, or one that does not exist. */
export function backendFromAddress({ search }: Pick<Location, 'search'>): BackendChoice | null {
  const name = new URLSearchParams(search).get('backend');
  return BACKEND_CHOICES.find((choice) => choice === name) ?? null;
}
