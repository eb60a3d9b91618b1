// The bricks of backend settings: a value's schema with the words for what it must be, its help text and its group. Errors,
// forms and the reference table all read them, so that none of them can say something else. No setting stands here.
import * as v from 'valibot';

/** Where a form shows a setting; `essential` ones come first. */
export const FIELD_GROUPS = [
  'essential',
  'reading',
  'sampling',
  'captions',
  'images',
  'caches',
  'upkeep',
] as const;
export type FieldGroup = (typeof FIELD_GROUPS)[number];

/** Adds what people are told about a value. */
export function field<const S extends v.GenericSchema>(group: FieldGroup, help: string, schema: S) {
  return v.pipe(schema, v.description(help), v.metadata({ group }));
}

// Each message is what the value must be, as a phrase that goes on after "must be".

export function text() {
  return v.pipe(v.string('a text'), v.trim(), v.nonEmpty('a text that is not empty'));
}

/** A text that may be empty. */
export function anyText() {
  return v.string('a text');
}

export function flag() {
  return v.boolean('true or false');
}

/** Neither true nor "04" is a number here. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const phrase = `a whole number ${range(min, max)}`;
  return v.pipe(v.number(phrase), v.integer(phrase), v.minValue(min, phrase), v.maxValue(max, phrase));
}

export function numberFrom(min: number, max = Number.MAX_VALUE) {
  const phrase = `a number ${range(min, max)}`;
  return v.pipe(v.number(phrase), v.finite(phrase), v.minValue(min, phrase), v.maxValue(max, phrase));
}

export function above(min: number) {
  const phrase = `a number above ${min}`;
  return v.pipe(v.number(phrase), v.finite(phrase), v.gtValue(min, phrase));
}

export function oneOf<const T extends readonly string[]>(options: T) {
  return v.picklist(options, `one of ${options.join(', ')}`);
}

export function listOf<const S extends v.GenericSchema>(item: S, phrase: string) {
  return v.pipe(v.array(item, phrase), v.nonEmpty(phrase));
}

export function section<const E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(entries, 'a list of settings by name');
}

/** One text, or several of which one is taken at a time. */
export function textOrList() {
  const phrase = 'a text or a list of texts';
  return v.union([text(), listOf(text(), phrase)], phrase);
}

export function url() {
  const phrase = 'an address that begins with https:// or http://, without a user or a password';
  const bare = (address: string) => new URL(address).username === '' && new URL(address).password === '';
  return v.pipe(
    v.string(phrase),
    v.trim(),
    v.url(phrase),
    v.regex(/^https?:\/\//i, phrase),
    v.check(bare, phrase),
  );
}

function range(min: number, max: number): string {
  if (max >= Number.MAX_SAFE_INTEGER) return `of at least ${min}`;
  return `from ${min} to ${max}`;
}
