// Looks into a schema: what is in it once its wrappings are off, and what was written beside it for people.
import type * as v from 'valibot';
import { isPlainObject } from '../merge';

/** The schema within optional and the like; a pipe is its own first schema already. */
export function unwrapped(schema: unknown): Record<string, unknown> {
  if (!isPlainObject(schema)) return {};
  return 'wrapped' in schema ? unwrapped(schema['wrapped']) : schema;
}

/** The settings of a section; none where the schema is none. */
export function entriesWithin(schema: unknown): v.ObjectEntries {
  const { entries } = unwrapped(schema);
  return isPlainObject(entries) ? (entries as v.ObjectEntries) : {};
}
