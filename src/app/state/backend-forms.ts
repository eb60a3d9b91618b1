// Settings of a backend between a form and its configuration: kinds of sources, what is typed to values, problems to fields.
import type { BackendField } from '../../core/config/backends/describe-fields';
import type { BackendProblem } from '../../protocol/backends';

/** How a source is connected; `text` is a configuration that is pasted. */
export const SOURCE_KINDS = ['local', 'aws', 'csv', 'huggingface', 'text'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

export type Settings = Readonly<Record<string, unknown>>;

/** It lies in a folder of this machine, or its table does. */
export function needsFolder({ type = 'local', csv_file: table }: Settings): boolean {
  if (type === 'csv') return typeof table === 'string' && table !== '' && !/^https?:/i.test(table);
  return type === 'local';
}

/** Without what is unset: an empty field is no setting. */
export function withSetting(settings: Settings, key: string, value: unknown): Settings {
  const others = Object.entries(settings).filter(([known]) => known !== key);
  return Object.fromEntries(isUnset(value) ? others : [...others, [key, value]]);
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** A list is written one to a line. */
export function listToText(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join('\n');
  }
  return typeof value === 'string' ? value : '';
}

/** Lines that are no numbers stay texts: the check names them. */
export function textToList(text: string, items: BackendField['items']): unknown[] {
  const lines = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  return lines.map((line) => (items === 'number' && Number.isFinite(Number(line)) ? Number(line) : line));
}

/** A number as it was typed; the check names what is none. */
export function typedNumber(text: string): unknown {
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '') return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** The first problem of a field or of something within it. */
export function problemAt(problems: readonly BackendProblem[], path: string): BackendProblem | null {
  return problems.find((problem) => isAt(problem.path, path)) ?? null;
}

/** Those that no field shows. */
export function problemsBeside(
  problems: readonly BackendProblem[],
  paths: readonly string[],
): BackendProblem[] {
  return problems.filter((problem) => !paths.some((path) => isAt(problem.path, path)));
}

function isAt(found: string, path: string): boolean {
  return found === path || found.startsWith(`${path}.`) || found.startsWith(`${path}[`);
}

/** A name of an own that is not taken: `notes`, `notes-2`. */
export function freeId(wanted: string, taken: readonly string[]): string {
  const base = wanted.trim() || 'source';
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? base : `${base}-${count}`;
    if (!taken.includes(id)) return id;
  }
}
