// Configurations as text: JSON or YAML, one or a list. What is wrong is told by line, never by quoting the text: it may hold
// credentials.
import { LineCounter, parseDocument } from 'yaml';
import type { BackendProblem } from '../../../protocol/backends';
import { isPlainObject } from '../merge';

export interface WrittenConfig {
  /** Where it stands: `[2].`; '' where the text is one configuration and no list. */
  path: string;
  config: Record<string, unknown>;
}

export interface ReadConfigs {
  configs: WrittenConfig[];
  problems: BackendProblem[];
}

/** Levels of nesting; settings have three. An alias of YAML can hold itself. */
const MAX_DEPTH = 20;
/** An alias can be expanded so often that a few lines fill the memory. */
const MAX_ALIASES = 100;

export function readConfigText(text: string): ReadConfigs {
  const { value, problem } = parsed(text);
  if (problem !== null) return { configs: [], problems: [problem] };
  const isList = Array.isArray(value);
  const items: unknown[] = isList ? value : value === null || value === undefined ? [] : [value];
  if (items.length === 0) return { configs: [], problems: [NOTHING] };
  const read: ReadConfigs = { configs: [], problems: [] };
  for (const [index, config] of items.entries()) {
    const place = isList ? `[${index}]` : '';
    if (!isPlainObject(config)) read.problems.push(notSettings(place));
    else if (isDeep(config, MAX_DEPTH)) read.problems.push(tooDeep(place));
    else read.configs.push({ path: isList ? `${place}.` : '', config });
  }
  return read;
}

const NOTHING: BackendProblem = {
  path: '',
  message: 'Must provide at least one data backend.',
  remedy: 'Write one backend, or a list of them.',
};

function notSettings(path: string): BackendProblem {
  const what = path === '' ? 'The text' : path;
  return {
    path,
    message: `${what} is not a list of settings by name.`,
    remedy: 'Write lines such as `id: notes`.',
  };
}

function tooDeep(path: string): BackendProblem {
  return {
    path,
    message: `Settings are nested more than ${MAX_DEPTH} deep.`,
    remedy: 'Remove what holds itself.',
  };
}

function parsed(text: string): { value: unknown; problem: BackendProblem | null } {
  try {
    return { value: JSON.parse(text) as unknown, problem: null };
  } catch {
    // YAML takes JSON as well, and says the line where it cannot.
    return parsedYaml(text);
  }
}

function parsedYaml(text: string): { value: unknown; problem: BackendProblem | null } {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const [error] = document.errors;
    if (error === undefined) return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), problem: null };
    const { line, col } = lines.linePos(error.pos[0]);
    return { value: null, problem: unreadable(`line ${line}, column ${col}: ${reasonOf(error.code)}`) };
  } catch {
    return { value: null, problem: unreadable('an alias is missing or expanded too often') };
  }
}

function unreadable(reason: string): BackendProblem {
  return {
    path: '',
    message: `The text is no readable JSON or YAML: ${reason}.`,
    remedy: 'Correct the line that is named.',
  };
}

/** The library's own messages quote the text. `BAD_INDENT` is readable enough. */
function reasonOf(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

function isDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((item) => isDeep(item, left - 1));
}
