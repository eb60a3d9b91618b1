// What is wrong with a field of the draft, in the user's language, with the path that names it everywhere else.
import { t, tMaybe } from '../../i18n/index.svelte';
import type { RunDraft } from '../../state/runs-draft.svelte';

/** @returns null where the field is right */
export function problemText(draft: RunDraft, path: string): string | null {
  const problem = draft.problems.find((candidate) => candidate.path === path);
  if (problem === undefined) return null;
  const context = draft.contextLength ?? 131_072;
  // A share's field is named without the number of the share.
  const named = path.replace(/\.\d+\./, '.');
  return tMaybe(`tune.problem.${named}`, { context }) ?? (problem.remedy || t('tune.problem.other'));
}
