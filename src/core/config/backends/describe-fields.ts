// The settings of backends as data, read out of the schemas: for forms, for the reference table, for plugins' settings too.
import * as v from 'valibot';
import { isPlainObject } from '../merge';
import { entriesOf, type BackendTypePlugin } from './backend-entries';
import { FIELD_GROUPS, type FieldGroup } from './field';
import { secretFields } from './fields/source-fields';
import { placeDefaults } from './implied-settings';
import { entriesWithin, unwrapped } from './schema-parts';
import { DATASET_TYPES, type DatasetType } from './dataset-types';
import { SETTINGS_WITHOUT_EFFECT } from './settings-without-effect';

export type FieldControl = 'text' | 'number' | 'flag' | 'choice' | 'list' | 'section';

export interface BackendField {
  key: string;
  control: FieldControl;
  /** What a value must be, as a phrase: "a whole number of at least 1". */
  phrase: string;
  help: string;
  group: FieldGroup;
  required: boolean;
  /** undefined where it is unset. */
  default: unknown;
  /** What a list holds. */
  items: 'text' | 'number';
  /** Of a choice. */
  options: readonly string[];
  /** Of a section. */
  fields: readonly BackendField[];
}

/** Those that do something: essential ones first, then by group, within a group as they are declared. */
export function backendFields(
  datasetType: DatasetType,
  type: string,
  plugins: readonly BackendTypePlugin[] = [],
): BackendField[] {
  const implied = placeDefaults({ type, dataset_type: datasetType });
  const entries = Object.entries(entriesOf(datasetType, type, plugins));
  const fields = entries.flatMap(([key, entry]) => {
    if (Object.hasOwn(SETTINGS_WITHOUT_EFFECT, key)) return [];
    const described = describeField(key, entry);
    return [Object.hasOwn(implied, key) ? { ...described, default: implied[key] } : described];
  });
  return fields.toSorted((a, b) => FIELD_GROUPS.indexOf(a.group) - FIELD_GROUPS.indexOf(b.group));
}

/** Credentials of a place: asked for, kept in the vault, never part of a configuration. */
export function secretFieldsOf(type: string): BackendField[] {
  if (type !== 'aws' && type !== 'huggingface') return [];
  return Object.entries(secretFields[type]).map(([key, entry]) => describeField(key, entry));
}

export interface FieldKinds {
  field: BackendField;
  datasetTypes: DatasetType[];
  /** Places that have it; all of each of the kinds where it is not of a place. */
  types: string[];
}

/** Every setting once, with the kinds and places that have it. */
export function allBackendFields(placesOf: (kind: DatasetType) => readonly string[]): FieldKinds[] {
  const all = new Map<string, FieldKinds>();
  for (const kind of DATASET_TYPES) {
    for (const type of placesOf(kind)) {
      for (const field of backendFields(kind, type)) {
        const known = all.get(field.key) ?? { field, datasetTypes: [], types: [] };
        if (!known.datasetTypes.includes(kind)) known.datasetTypes.push(kind);
        if (!known.types.includes(type)) known.types.push(type);
        all.set(field.key, known);
      }
    }
  }
  return [...all.values()];
}

export function describeField(key: string, entry: v.ObjectEntries[string]): BackendField {
  const core = unwrapped(entry);
  const control = controlOf(core);
  return {
    key,
    control,
    phrase: phraseOf(core),
    help: v.getDescription(core as never) ?? '',
    group: groupOf(core),
    required: !['optional', 'nullish'].includes(entry.type),
    default: v.getDefault(entry),
    items: itemsOf(core),
    options: Array.isArray(core['options']) && control === 'choice' ? (core['options'] as string[]) : [],
    fields: Object.entries(entriesWithin(core)).map(([name, inner]) => describeField(name, inner)),
  };
}

function controlOf(core: Readonly<Record<string, unknown>>): FieldControl {
  switch (core['type']) {
    case 'boolean':
      return 'flag';
    case 'number':
      return 'number';
    case 'picklist':
      return 'choice';
    case 'array':
      return 'list';
    case 'strict_object':
    case 'record':
      return 'section';
    case 'union':
      return unionControl(core['options']);
    default:
      return 'text';
  }
}

/** Of a list, or of the form that is one; texts where it holds anything else. */
function itemsOf(core: Readonly<Record<string, unknown>>): 'text' | 'number' {
  const forms = [core, ...(Array.isArray(core['options']) ? (core['options'] as unknown[]) : [])].map(
    unwrapped,
  );
  const list = forms.find(({ type }) => type === 'array');
  const item = unwrapped(list?.['item']);
  const kinds = [item, ...(Array.isArray(item['options']) ? (item['options'] as unknown[]) : [])].map(
    unwrapped,
  );
  return kinds.some(({ type }) => type === 'number') ? 'number' : 'text';
}

/** Of several forms a list takes the others as well: one line is a list of one. */
function unionControl(options: unknown): FieldControl {
  const controls = (Array.isArray(options) ? options : []).map((option) => controlOf(unwrapped(option)));
  return controls.find((control) => control === 'list') ?? controls[0] ?? 'text';
}

/** The words of the last check: they say all that the ones before do. */
function phraseOf(core: Readonly<Record<string, unknown>>): string {
  const pipe: unknown[] = Array.isArray(core['pipe']) ? core['pipe'] : [core];
  const phrases = pipe.flatMap((part) => phraseIn(part));
  return phrases.at(-1) ?? '';
}

function phraseIn(part: unknown): string[] {
  if (!isPlainObject(part)) return [];
  if (part['kind'] === 'schema' && Array.isArray(part['pipe']))
    return part['pipe'].flatMap((inner) => phraseIn(inner));
  return typeof part['message'] === 'string' ? [part['message']] : [];
}

function groupOf(core: Readonly<Record<string, unknown>>): FieldGroup {
  const { group } = v.getMetadata(core as never) as { group?: FieldGroup };
  return group ?? 'upkeep';
}
