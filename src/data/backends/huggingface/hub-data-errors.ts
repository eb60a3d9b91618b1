// What goes wrong with a dataset of a hub, as errors of a backend. A hub does not tell strangers whether a private dataset
// exists. No token and no signed address is repeated.
import { AppError } from '../../../lib/errors';
import type { HubDataset } from './hub-dataset';

export interface DatasetQuestion {
  dataset: HubDataset;
  /** A file that was asked for; null for the listing. */
  file: string | null;
  hasToken: boolean;
}

/** @returns null for what is no refusal of the hub's own. */
export function explainDataset(
  status: number,
  code: string | null,
  question: DatasetQuestion,
): AppError | null {
  const { dataset, file, hasToken } = question;
  const details = { dataset: dataset.name, file, status };
  if (code === 'RevisionNotFound') {
    return new AppError(
      'backend.missing',
      `${dataset.name} has no revision "${dataset.revision ?? 'main'}".`,
      {
        details,
        remedy: 'Leave the revision out, or take a branch, tag or commit from its page.',
      },
    );
  }
  if (status === 401 || status === 403) return deniedError(dataset, hasToken, details);
  if (status !== 404) return null;
  if (file !== null) {
    return new AppError('backend.missing', `${dataset.name} has no file ${file} any more.`, {
      details,
      remedy: 'Read the source again: the dataset was changed meanwhile.',
    });
  }
  return new AppError(
    'backend.missing',
    `There is no dataset ${dataset.name}${hasToken ? ' that the token may see' : ', or it is private'}.`,
    {
      details,
      remedy: hasToken
        ? 'Check the spelling and whose token it is.'
        : 'Check the spelling. A private one needs a token.',
    },
  );
}

function deniedError({ name }: HubDataset, hasToken: boolean, details: Record<string, unknown>): AppError {
  return new AppError(
    'backend.denied',
    hasToken
      ? `The token may not read ${name}, or is not valid.`
      : `${name} is private, or for those only who accepted its terms.`,
    {
      details,
      remedy: hasToken
        ? 'Accept the terms on its page with the account of the token, or make a new token that may read it.'
        : 'Accept the terms on its page, make a token that may read it and store it with this source.',
    },
  );
}

export function badAnswerError(host: string, fact: string): AppError {
  return new AppError('backend.unreachable', `${host} gave no answer that makes sense: ${fact}.`, {
    details: { host },
    remedy: 'Try again in some minutes; a proxy or a login page may answer in its place.',
  });
}

export function insecureError(host: string): AppError {
  return new AppError('backend.denied', `A token is not sent to ${host} without encryption.`, {
    details: { host },
    remedy: 'Use an address that starts with https://, or remove the token.',
  });
}

export function noPartError(
  dataset: HubDataset,
  what: 'configuration' | 'split',
  known: readonly string[],
): AppError {
  const wanted = what === 'split' ? dataset.split : (dataset.config ?? 'default');
  return new AppError('backend.missing', `${dataset.name} has no ${what} "${wanted}".`, {
    details: { dataset: dataset.name, known: [...known] },
    remedy:
      known.length === 0
        ? 'The hub has no tables of it yet: try again later.'
        : `There are: ${known.join(', ')}.`,
  });
}

export function ambiguousError(dataset: HubDataset, known: readonly string[]): AppError {
  return new AppError('config.invalid', `${dataset.name} has several configurations and none was chosen.`, {
    details: { dataset: dataset.name, known: [...known] },
    remedy: `Set dataset_config to one of ${known.join(', ')}.`,
  });
}
