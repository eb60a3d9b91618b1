// Which cases of a long list a run takes. Most of a case's time is the compilation of its kernels in software, so the usual run
// takes some that between them have every variant, size and direction; `npm test -- --all` takes all combinations of these, and
// longer answers where other runtimes are held against our own.

/** Whether this run takes every case. */
export const EVERY: boolean = import.meta.env['FRAGUA_TESTS'] === 'all';

/** One of `cases`, a different one each turn. */
export function inTurn<T>(cases: readonly T[], turn: number): readonly T[] {
  const at = turn % cases.length;
  return EVERY ? cases : cases.slice(at, at + 1);
}

/** Greedy tokens that another runtime has to give as well. */
export const ANSWER_TOKENS = EVERY ? 64 : 24;
