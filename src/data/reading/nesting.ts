// How deep values lie within values. What writes or clones them recurses, so that a row of a few kilobytes could end a worker.

/** Deeper rows are refused: no format of samples needs more. */
export const MAX_NESTING = 100;

/** Walks without recursion. @param value of JSON. */
export function isNestedTooDeep(value: unknown, most = MAX_NESTING): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap(partsOf);
  }
  return false;
}

/** Those that have parts themselves. */
function partsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).filter((part: unknown) => typeof part === 'object' && part !== null);
}
