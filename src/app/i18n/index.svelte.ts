// The words of the interface: `t('area.key', values)` in the language that is loaded. Reactive: views follow a change.
// Dictionaries live in en/ and es/, one file per area; a key without its Spanish text does not compile.
// It is not for text that comes from models, datasets or the user.
import type { English } from './en';
import type { Dictionary } from './translation';

export type Language = 'en' | 'es';
export const LANGUAGES: readonly Language[] = ['en', 'es'];

export type TextKey = {
  [Area in keyof English]: `${Area}.${keyof English[Area] & string}`;
}[keyof English];
/** Keys that come in pairs, `..._one` and `..._other`. */
export type CountKey = TextKey extends infer Key ? (Key extends `${infer Stem}_one` ? Stem : never) : never;
export type TextValues = Readonly<Record<string, string | number>>;

const loaders: Record<Language, () => Promise<Dictionary>> = {
  en: () => import('./en').then((module) => module.en),
  es: () => import('./es').then((module) => module.es),
};

class Texts {
  #language = $state.raw<Language>('en');
  #dictionary = $state.raw<Dictionary | null>(null);

  get language(): Language {
    return this.#language;
  }

  /** The text of a key; the key itself before a dictionary is loaded. */
  read(key: string): string {
    const dot = key.indexOf('.');
    const area = this.#dictionary?.[key.slice(0, dot) as keyof English] as Record<string, string> | undefined;
    return area?.[key.slice(dot + 1)] ?? key;
  }

  has(key: string): boolean {
    return this.read(key) !== key;
  }

  async use(language: Language): Promise<void> {
    const dictionary = await loaders[language]();
    this.#language = language;
    this.#dictionary = dictionary;
    document.documentElement.lang = language;
  }
}

const texts = new Texts();

/** Loads a language and shows it. The first one must be loaded before anything is mounted. */
export function useLanguage(language: Language): Promise<void> {
  return texts.use(language);
}

export function currentLanguage(): Language {
  return texts.language;
}

/** `{name}` in the text becomes values.name; numbers are written the language's way. */
export function t(key: TextKey, values: TextValues = {}): string {
  return fill(texts.read(key), values);
}

/** Picks `..._one` or `..._other` by the language's plural rule; `{count}` is the number. */
export function tCount(key: CountKey, count: number, values: TextValues = {}): string {
  const one = new Intl.PluralRules(texts.language).select(count) === 'one';
  return fill(texts.read(`${key}_${one ? 'one' : 'other'}`), { count, ...values });
}

/** For keys that are built from data, such as error codes: null where there is no such text. */
export function tMaybe(key: string, values: TextValues = {}): string | null {
  return texts.has(key) ? fill(texts.read(key), values) : null;
}

function fill(text: string, values: TextValues): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? formatNumber(value) : value;
  });
}

/** At most `digits` decimals, grouped the language's way. */
export function formatNumber(value: number, digits = 2): string {
  return new Intl.NumberFormat(texts.language, { maximumFractionDigits: digits }).format(value);
}

/** Exactly `digits` decimals, for columns and values that change. */
export function formatFixed(value: number, digits: number): string {
  return new Intl.NumberFormat(texts.language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** `share` from 0 to 1. */
export function formatPercent(share: number, digits = 0): string {
  return new Intl.NumberFormat(texts.language, { style: 'percent', maximumFractionDigits: digits }).format(
    share,
  );
}

/** 12,345 bytes as `12.3 kB`; decimal units, as storage is sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${formatNumber(value, unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${units[unit] ?? ''}`;
}

/** 1,234,567 as `1.23M`. */
export function formatCompact(value: number): string {
  const units = ['', 'K', 'M', 'B', 'T'];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const number = new Intl.NumberFormat(texts.language, { maximumSignificantDigits: 3 }).format(scaled);
  return `${number}${units[unit] ?? ''}`;
}

/** 0.000082 as `8.2e-5`. @param digits decimals of the mantissa; all that it has when left out */
export function formatExponent(value: number, digits?: number): string {
  return withDecimalMark(value.toExponential(digits).replace('e+', 'e'));
}

/** Every digit of the number with the language's decimal mark and no grouping, as a field shows what may be edited. */
export function formatPlain(value: number): string {
  return withDecimalMark(String(value));
}

function withDecimalMark(text: string): string {
  const mark = new Intl.NumberFormat(texts.language)
    .formatToParts(0.5)
    .find(({ type }) => type === 'decimal');
  return text.replace('.', mark?.value ?? '.');
}

/** `45 s`, `3 min 20 s`, `1 h 05 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** A language in the words of the page's. @param code of ISO 639. */
export function languageName(code: string): string {
  return new Intl.DisplayNames(texts.language, { type: 'language' }).of(code) ?? code;
}

export function formatDate(milliseconds: number): string {
  return new Intl.DateTimeFormat(texts.language, { dateStyle: 'medium' }).format(milliseconds);
}

export function formatDateTime(milliseconds: number): string {
  return new Intl.DateTimeFormat(texts.language, { dateStyle: 'medium', timeStyle: 'short' }).format(
    milliseconds,
  );
}
