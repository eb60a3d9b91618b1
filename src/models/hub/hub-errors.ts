// What a hub's refusals mean, in words that help. A hub does not tell strangers whether a private repository exists.
import { AppError } from '../../lib/errors';

export interface HubQuestion {
  repositoryId: string;
  revision: string;
  /** Of the file that was asked for; null for a listing. */
  file: string | null;
  hasToken: boolean;
}

/** @returns null for what is not the hub's own refusal. */
export function explainHub(response: Response, question: HubQuestion): AppError | null {
  const { status } = response;
  const code = response.headers.get('X-Error-Code');
  const details = { ...question, status, code };
  if (code === 'GatedRepo') return gatedError(question, details);
  if (code === 'RepoNotFound') return notFoundError(question, details);
  if (code === 'RevisionNotFound') {
    const { repositoryId, revision } = question;
    return new AppError('hub.revision-not-found', `${repositoryId} has no revision "${revision}".`, {
      details,
      remedy: 'Leave the revision out for the main one, or take a branch, tag or commit from its page.',
    });
  }
  if (code === 'EntryNotFound') return fileNotFoundError(question, details);
  if (status === 401 && question.hasToken) return tokenError(details);
  if (status === 401 || status === 403) return gatedError(question, details);
  if (status === 404)
    return question.file === null ? notFoundError(question, details) : fileNotFoundError(question, details);
  return null;
}

function gatedError({ repositoryId, hasToken }: HubQuestion, details: Record<string, unknown>): AppError {
  return new AppError(
    'hub.gated',
    hasToken
      ? `The token's account was not given access to ${repositoryId}.`
      : `${repositoryId} is for those only who accepted its terms.`,
    {
      details,
      remedy: hasToken
        ? 'Accept the terms on its page with the account of the token, and see that the token may read gated repositories.'
        : 'Accept the terms on its page, make a token that may read it, and store it in Settings.',
    },
  );
}

function notFoundError({ repositoryId, hasToken }: HubQuestion, details: Record<string, unknown>): AppError {
  return new AppError(
    'hub.not-found',
    `There is no repository ${repositoryId}${hasToken ? ' that this token may see' : ', or it is private'}.`,
    {
      details,
      remedy: hasToken
        ? 'Check the spelling, capitals too, and whether the token belongs to the right account.'
        : 'Check the spelling, capitals too. A private one needs a token.',
    },
  );
}

function fileNotFoundError(
  { repositoryId, revision, file }: HubQuestion,
  details: Record<string, unknown>,
): AppError {
  return new AppError('hub.file-not-found', `${repositoryId} has no file ${file} at ${revision}.`, {
    details,
    remedy: 'List the repository again: it may have been changed meanwhile.',
  });
}

function tokenError(details: Record<string, unknown>): AppError {
  return new AppError('hub.token-refused', 'The hub does not accept the token.', {
    details,
    remedy: 'It may have been deleted or copied in part: make a new one and store it in Settings.',
  });
}
