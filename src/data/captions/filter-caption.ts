// What is taken out of captions, or replaced in them: `caption_filter_list`. Each entry is a text, a regular expression, or
// `s/search/replacement/`. Pure but for reading a list from a file, which is handed in.
import { AppError, messageOf } from '../../lib/errors';

/** One entry of the list at work. */
export type CaptionFilter = (caption: string) => string;

/** @param value a list, or the path of a `.txt` (an entry a line) or `.json` file. @throws AppError `config.invalid`. */
export async function loadCaptionFilters(
  value: unknown,
  readText: (path: string) => Promise<string | null>,
): Promise<CaptionFilter[]> {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value !== 'string') return parseCaptionFilters(value);
  const extension = value.toLowerCase().split('.').pop() ?? '';
  if (extension !== 'txt' && extension !== 'json')
    throw invalid(value, 'is no list and no .txt or .json file');
  const text = await readText(value);
  if (text === null) throw invalid(value, 'names a file that is not there');
  return parseCaptionFilters(extension === 'txt' ? text.split(/\r\n?|\n/) : parseJson(value, text));
}

/** @throws AppError `config.invalid` naming the entry. */
export function parseCaptionFilters(list: unknown): CaptionFilter[] {
  if (!Array.isArray(list)) throw invalid(list, 'is no list');
  return list
    .map((entry: unknown) => {
      if (typeof entry !== 'string') throw invalid(entry, 'is no text');
      return entry;
    })
    .filter((entry) => entry !== '')
    .map(toFilter);
}

/** In the order of the list. */
export function filterCaption(caption: string, filters: readonly CaptionFilter[]): string {
  return filters.reduce((filtered, filter) => filter(filtered), caption);
}

function toFilter(entry: string): CaptionFilter {
  const replacing = /^s\/((?:\\.|[^/\\])+)\/((?:\\.|[^/\\])*)\/?$/.exec(entry);
  if (replacing !== null) return replaceFirst(entry, replacing[1] ?? '', replacing[2] ?? '');
  // The words themselves go first: `a+b` is meant as it is written at least as often as it is meant as a pattern.
  const pattern = /[\\^$.*+?()[\]{}|]/.test(entry) ? compile(entry, 'g') : null;
  return (caption) => {
    const without = caption.replaceAll(entry, '');
    return pattern === null ? without : without.replace(pattern, '');
  };
}

/** In the replacement `\1` is what the first group found; everything else stands for itself. */
function replaceFirst(entry: string, search: string, replacement: string): CaptionFilter {
  const pattern = compile(search, '');
  if (pattern === null) throw invalid(entry, 'is no regular expression');
  const filled = replacement.replaceAll('$', '$$$$').replace(/\\(.)/g, (_, next: string) => {
    return /[1-9]/.test(next) ? `$${next}` : next;
  });
  return (caption) => caption.replace(pattern, filled);
}

/** null for what is none: it is a plain text then. Older spellings that Unicode mode refuses are understood. */
function compile(source: string, flags: string): RegExp | null {
  for (const mode of ['u', '']) {
    try {
      return new RegExp(source, flags + mode);
    } catch {
      continue;
    }
  }
  return null;
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(path, `is no JSON: ${messageOf(error)}`);
  }
}

function invalid(value: unknown, fact: string): AppError {
  return new AppError('config.invalid', `caption_filter_list: ${JSON.stringify(value)} ${fact}.`, {
    remedy:
      'Give a list of texts, regular expressions or s/search/replacement/, or a .txt or .json file of them.',
    details: { value },
  });
}
