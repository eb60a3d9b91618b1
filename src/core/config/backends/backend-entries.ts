// Which settings a backend of one kind in one place has, as a table to look into: what the union of shapes is for types,
// this is for messages, forms and plugins.
import type * as v from 'valibot';
import { isStore, type DatasetType } from './dataset-types';
import {
  BACKEND_TYPES,
  datasetEntries,
  PLACES,
  PLUGIN_DATASET_TYPES,
  sourceEntries,
  storeEntries,
  type BackendType,
} from './schema';

/** A place that a plugin adds, and its settings beside those that every dataset has. */
export interface BackendTypePlugin {
  type: string;
  entries: v.ObjectEntries;
}

export function isBackendType(name: unknown): name is BackendType {
  return (BACKEND_TYPES as readonly unknown[]).includes(name);
}

/** The places for one kind of data, those of plugins last. */
export function placesOf(datasetType: DatasetType, plugins: readonly BackendTypePlugin[] = []): string[] {
  const added = (PLUGIN_DATASET_TYPES as readonly string[]).includes(datasetType) ? plugins : [];
  return [...PLACES[datasetType], ...added.map(({ type }) => type)];
}

/** The settings of one kind in one place; of all places where the place is null. */
export function entriesOf(
  datasetType: DatasetType,
  type: string | null,
  plugins: readonly BackendTypePlugin[] = [],
): v.ObjectEntries {
  const places: readonly string[] = type === null ? placesOf(datasetType, plugins) : [type];
  return merged([
    datasetEntries[datasetType],
    ...places.map((place) => placeEntries(datasetType, place, plugins)),
  ]);
}

export function merged(groups: readonly v.ObjectEntries[]): v.ObjectEntries {
  return Object.fromEntries(groups.flatMap((entries) => Object.entries(entries)));
}

function placeEntries(
  datasetType: DatasetType,
  type: string,
  plugins: readonly BackendTypePlugin[],
): v.ObjectEntries {
  if (isStore({ dataset_type: datasetType })) {
    return type === 'local' || type === 'memory' || type === 'aws' ? storeEntries[type] : {};
  }
  if (isBackendType(type)) return sourceEntries[type];
  return plugins.find((plugin) => plugin.type === type)?.entries ?? {};
}
