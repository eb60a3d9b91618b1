// Which part of a text is new against an older one: what follows their common beginning, from a word's start. Pure.

export function splitAtNew(before: string, after: string): { same: string; fresh: string } {
  let common = 0;
  while (common < before.length && common < after.length && before[common] === after[common]) common++;
  if (common === after.length) return { same: after, fresh: '' };
  while (common > 0 && !/\s/.test(after[common - 1] ?? '')) common--;
  return { same: after.slice(0, common), fresh: after.slice(common) };
}
