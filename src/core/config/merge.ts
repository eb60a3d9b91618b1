// Lays a partial document over a whole one, key by key.

/** Lists and scalars of `patch` replace; objects are merged; absent and undefined keep what is in `base`. */
export function mergeDeep(base: unknown, patch: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(patch)) return patch === undefined ? base : patch;
  const keys = new Set([...Object.keys(base), ...Object.keys(patch)]);
  // fromEntries defines properties: a key named __proto__ stays an ordinary, later refused, key.
  return Object.fromEntries([...keys].map((key) => [key, mergeDeep(own(base, key), own(patch, key))]));
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
