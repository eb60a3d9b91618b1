// Which part of which dataset of a hub a configuration means. Pure.
import * as v from 'valibot';
import { AppError } from '../../../lib/errors';
import type { BackendConfigJson } from '../../../protocol/backends';

const text = v.pipe(v.string(), v.trim(), v.minLength(1));
const schema = v.object({
  dataset_name: v.pipe(text, v.regex(/^(?!\.+\/)[\w.-]+(\/(?!\.+$)[\w.-]+)?$/)),
  dataset_config: v.nullish(text),
  split: v.nullish(text, 'train'),
  revision: v.nullish(text),
  num_proc: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1)), 16),
});

export interface HubDataset {
  /** `owner/name`. */
  name: string;
  /** null: the only one, or the one that is called `default`. */
  config: string | null;
  split: string;
  /** null: the tables that the hub makes of the dataset's present state. */
  revision: string | null;
  /** Requests at a time. */
  requests: number;
}

/** The `huggingface` block of a configuration may have the keys as well. @throws AppError `config.invalid`. */
export function parseHubDataset(config: BackendConfigJson): HubDataset {
  const block = config['huggingface'];
  const parsed = v.safeParse(schema, { ...config, ...(typeof block === 'object' ? block : {}) });
  if (parsed.success) {
    const { dataset_name: name, dataset_config, split, revision, num_proc: requests } = parsed.output;
    return { name, config: dataset_config ?? null, split, revision: revision ?? null, requests };
  }
  const [issue] = parsed.issues;
  const key = v.getDotPath(issue) ?? '';
  throw new AppError('config.invalid', `Backend "${config.id}" has ${issue.received} as its ${key}.`, {
    remedy:
      key === 'dataset_name'
        ? 'Write it as owner/name, as its page does.'
        : `Give a usable ${key}, or leave it out.`,
    details: { id: config.id, key },
  });
}

/** For people. */
export function locationOf({ name, config, split, revision }: HubDataset): string {
  const part = [config, split].filter((piece) => piece !== null).join('/');
  return `${name}${revision === null ? '' : `@${revision}`} (${part})`;
}
