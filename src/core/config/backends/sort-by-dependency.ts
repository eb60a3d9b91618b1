// The order in which backends are configured: what another is made from comes before it.
type Written = Readonly<Record<string, unknown>>;

export interface SortedConfigs<T> {
  configs: T[];
  /** A backend that depends on itself through others; null where none does. */
  cycle: string | null;
}

/** Such a backend is dropped before anything else is looked at. */
export function isDisabled(config: Written): boolean {
  return config['disabled'] === true || config['disable'] === true;
}

/**
 * A backend follows its source_dataset_id; without one, the backend whose conditioning_data names it. Nothing depends on
 * anything: the order stays. Those without an id come last.
 * @returns the order that was written where there is a cycle.
 */
export function sortByDependency<T extends Written>(configs: readonly T[]): SortedConfigs<T> {
  const named = new Map<string, T>();
  for (const config of configs) if (hasId(config) && !named.has(config.id)) named.set(config.id, config);
  const sources = sourcesOf([...named.values()].filter(hasId));
  const state = new Map<string, 'open' | 'done'>();
  const sorted: T[] = [];
  const visit = (id: string): string | null => {
    if (state.get(id) === 'done') return null;
    if (state.get(id) === 'open') return id;
    state.set(id, 'open');
    const source = sources.get(id);
    const cycle = source !== undefined && named.has(source) ? visit(source) : null;
    if (cycle !== null) return cycle;
    state.set(id, 'done');
    const config = named.get(id);
    if (config !== undefined) sorted.push(config);
    return null;
  };
  for (const id of named.keys()) {
    const cycle = visit(id);
    if (cycle !== null) return { configs: [...configs], cycle };
  }
  const placed = new Set(sorted);
  return { configs: [...sorted, ...configs.filter((config) => !placed.has(config))], cycle: null };
}

type Named = Written & { readonly id: string };

function hasId<T extends Written>(config: T): config is T & Named {
  return typeof config['id'] === 'string' && config['id'].trim() !== '';
}

/** From each backend to the one that it is made from. */
function sourcesOf(configs: readonly Named[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const config of configs) {
    for (const made of [config['conditioning_data']].flat()) {
      if (typeof made === 'string' && !sources.has(made)) sources.set(made, config.id);
    }
  }
  for (const { id, source_dataset_id: source } of configs)
    if (typeof source === 'string') sources.set(id, source);
  return sources;
}
