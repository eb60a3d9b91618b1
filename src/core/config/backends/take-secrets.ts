// Takes credentials out of a configuration before anything else reads it, so that none can reach a record or a message.
import type { BackendProblem, BackendSecrets } from '../../../protocol/backends';
import { SECRET_KEYS } from './fields/source-fields';

export interface TakenSecrets {
  config: Record<string, unknown>;
  secrets: BackendSecrets;
  problems: BackendProblem[];
}

/** @param path where the configuration stands: `[2].`, or ''. */
export function takeSecrets(written: Readonly<Record<string, unknown>>, path: string): TakenSecrets {
  const entries = Object.entries(written);
  const taken = entries.filter(([key]) => SECRET_KEYS.includes(key));
  const secrets = taken.flatMap(([key, value]) =>
    typeof value === 'string' && value.trim() !== '' ? [[key, value.trim()] as const] : [],
  );
  const broken = taken.filter(([, value]) => typeof value !== 'string' && value !== null);
  return {
    config: Object.fromEntries(entries.filter(([key]) => !SECRET_KEYS.includes(key))),
    secrets: Object.fromEntries(secrets),
    problems: broken.map(([key]) => ({
      path: path + key,
      message: `${key} must be a text.`,
      remedy: 'Put it between quotation marks, or leave it out and enter it when you connect.',
    })),
  };
}
