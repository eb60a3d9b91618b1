// Collections that no view watches: caches and listeners. Svelte's reactive ones would tie every reader to each change.

export function plainMap<Key, Value>(entries: Iterable<readonly [Key, Value]> = []): Map<Key, Value> {
  return new Map(entries);
}

export function plainSet<Value>(): Set<Value> {
  return new Set();
}
