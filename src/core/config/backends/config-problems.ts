// What is wrong with one configuration's settings, each by itself: issues of the schemas in words, with the path and what
// was probably meant.
import * as v from 'valibot';
import type { BackendProblem } from '../../../protocol/backends';
import { suggestion } from '../../did-you-mean';
import { isPlainObject } from '../merge';
import { entriesWithin } from './schema-parts';
import { BACKEND_TYPES, datasetEntries } from './schema';
import { DATASET_TYPES, isDatasetType } from './dataset-types';
import { merged, entriesOf, placesOf, type BackendTypePlugin } from './backend-entries';

type Config = Readonly<Record<string, unknown>>;

/** The kind of data and the place, each checked for itself and both together. */
export function kindProblems(
  config: Config,
  path: string,
  plugins: readonly BackendTypePlugin[],
): BackendProblem[] {
  const { dataset_type: kind, type } = config;
  const known = [...new Set(DATASET_TYPES.flatMap((other) => placesOf(other, plugins)))];
  const isPlace = typeof type === 'string' && known.includes(type);
  const unknown = [
    ...(isDatasetType(kind) ? [] : [unknownKind(path, 'dataset_type', kind, DATASET_TYPES)]),
    ...(isPlace ? [] : [unknownKind(path, 'type', type, known)]),
  ];
  if (!isDatasetType(kind) || !isPlace || placesOf(kind, plugins).includes(type)) return unknown;
  const places = placesOf(kind, plugins).join(', ');
  const message = `type ${type} cannot hold dataset_type ${kind}.`;
  return [{ path: `${path}type`, message, remedy: `Set type to one of ${places}.` }];
}

function unknownKind(path: string, key: string, value: unknown, known: readonly string[]): BackendProblem {
  const near = typeof value === 'string' ? suggestion(value, known) : '';
  const supported = `Supported: ${known.join(', ')}.`;
  return {
    path: path + key,
    message: `${key} is not known: ${JSON.stringify(value)}. ${supported}`,
    remedy: near.startsWith('Did') ? near : `Set ${key} to a supported one.`,
  };
}

/** Every setting against its schema. Where the place is not known, the settings of all places are. */
export function settingProblems(
  config: Config,
  path: string,
  plugins: readonly BackendTypePlugin[],
): BackendProblem[] {
  const { dataset_type: kind, type } = config;
  const datasetType = isDatasetType(kind) ? kind : 'text';
  const place = typeof type === 'string' && placesOf(datasetType, plugins).includes(type) ? type : null;
  const entries = isDatasetType(kind) ? entriesOf(kind, place, plugins) : entriesOfAll(plugins);
  const settings = { ...entries, dataset_type: v.unknown(), type: v.unknown() };
  const shape = v.strictObject(
    place === null || !isDatasetType(kind) ? optional(settings) : settings,
    'settings by name',
  );
  const parsed = v.safeParse(shape, config, { abortPipeEarly: true });
  const unknown = unknownKeys(config, settings, []).map((keys) => unknownKey(path, keys, shape, plugins));
  // The schemas stop at the first unknown name.
  const issues = (parsed.issues ?? []).filter(({ expected }) => expected !== 'never');
  return [...unknown, ...issues.map((issue) => problemOf(issue, path))];
}

/** Paths of every name that is no setting, in sections too. */
function unknownKeys(config: Config, entries: v.ObjectEntries, before: string[]): string[][] {
  return Object.entries(config).flatMap(([key, value]) => {
    const path = [...before, key];
    if (!Object.hasOwn(entries, key)) return [path];
    const within = entriesWithin(entries[key]);
    return isPlainObject(value) && Object.keys(within).length > 0 ? unknownKeys(value, within, path) : [];
  });
}

function entriesOfAll(plugins: readonly BackendTypePlugin[]): v.ObjectEntries {
  return merged(DATASET_TYPES.map((kind) => entriesOf(kind, null, plugins)));
}

/** The place is not known, so that nothing can be missing. */
function optional(entries: v.ObjectEntries): v.ObjectEntries {
  return Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, v.optional(entry)]));
}

/** A user or a password in an address is not repeated. */
const HIDDEN = /:\/\/[^/]*@/;

type Shape = v.StrictObjectSchema<v.ObjectEntries, string>;

function problemOf(issue: v.BaseIssue<unknown>, before: string): BackendProblem {
  const own = pathOf((issue.path ?? []).map(({ key }) => key));
  const path = before + own;
  if (issue.type === 'strict_object' && issue.input === undefined) {
    return { path, message: `${own} is missing.`, remedy: `Set ${own}.` };
  }
  return {
    path,
    message: `${own} must be ${issue.message}${HIDDEN.test(issue.received) ? '' : `: ${issue.received}`}.`,
    remedy: `Set ${own} to ${issue.message}.`,
  };
}

function unknownKey(
  before: string,
  keys: string[],
  shape: Shape,
  plugins: readonly BackendTypePlugin[],
): BackendProblem {
  const key = keys.at(-1) ?? '';
  const path = before + pathOf(keys);
  const known = Object.keys(entriesAt(shape, keys.slice(0, -1)));
  const kinds = keys.length > 1 ? [] : kindsWith(key, plugins);
  if (kinds.length > 0) {
    const message = `${key} is not a setting of this kind of backend.`;
    return { path, message, remedy: `Remove it; it belongs to ${kinds.join(', ')}.` };
  }
  return { path, message: `${key} is not a setting.`, remedy: suggestion(key, known) };
}

/** Where a setting would have been right: `dataset_type image`, or a place. */
function kindsWith(key: string, plugins: readonly BackendTypePlugin[]): string[] {
  const kinds = DATASET_TYPES.filter((kind) => Object.hasOwn(datasetEntries[kind], key));
  if (kinds.length > 0) return kinds.map((kind) => `dataset_type ${kind}`);
  const places = [...BACKEND_TYPES, ...plugins.map(({ type }) => type)];
  return places
    .filter(
      (type) =>
        Object.hasOwn(entriesOf('text', type, plugins), key) && !Object.hasOwn(datasetEntries.text, key),
    )
    .map((type) => `type ${type}`);
}

/** The settings of a section within. */
function entriesAt(shape: unknown, keys: string[]): v.ObjectEntries {
  const entries = entriesWithin(shape);
  const [key, ...rest] = keys;
  if (key === undefined) return entries;
  return entriesAt(Object.hasOwn(entries, key) ? entries[key] : {}, rest);
}

/** `[2].crop_aspect_buckets[0]`, without what stands before. */
function pathOf(keys: unknown[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`;
    return path === '' ? String(key) : `${path}.${String(key)}`;
  }, '');
}
