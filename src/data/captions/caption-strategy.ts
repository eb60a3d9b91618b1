// What text a file or a row gives. It reads no files itself: the text beside a file and the row of a table are handed in.
// Several texts of one sample are variants; which of them a batch sees is chosen when it is made (choose-caption).
import type { Row } from '../reading/row-event';
import type { CaptionSettings } from './caption-settings';
import { captionsOfRow } from './row-captions';

export interface CaptionSource {
  path: string;
  /** Of the table that the sample stands in, or that tells about the file; null where there is none. */
  row: Row | null;
  /** A file of the same backend as text; null where there is none. */
  readText: (path: string) => Promise<string | null>;
}

export type CaptionOutcome =
  /** null: the sample is its own text, nothing was to be extracted. */
  | { captions: string[] | null }
  /** Why there is no text, as a reason of the filtering statistics. */
  | { missing: 'not_found' | 'metadata_missing'; message: string };

/** @throws what `readText` throws. */
export async function captionsOf(source: CaptionSource, settings: CaptionSettings): Promise<CaptionOutcome> {
  if (settings.prompting === 'only') return { captions: [...settings.prompts] };
  const outcome = await extract(source, settings);
  if ('missing' in outcome || outcome.captions === null || settings.prompting === 'none') return outcome;
  const { captions } = outcome;
  return {
    captions: captions.flatMap((caption) => settings.prompts.map((prompt) => `${prompt} ${caption}`)),
  };
}

async function extract(source: CaptionSource, settings: CaptionSettings): Promise<CaptionOutcome> {
  switch (settings.strategy) {
    case null:
      return { captions: null };
    case 'filename':
      return { captions: [stemOf(source.path).replaceAll('_', ' ').trim()] };
    case 'textfile':
      return fromTextFile(source, settings.splitLines);
    case 'instanceprompt':
      return { captions: [...settings.prompts] };
    case 'parquet':
    case 'csv':
    case 'huggingface':
      return fromRow(source, settings);
  }
}

async function fromTextFile({ path, readText }: CaptionSource, splitLines: boolean): Promise<CaptionOutcome> {
  const beside = besideWith(path, 'txt');
  const text = await readText(beside);
  if (text === null) return { missing: 'not_found', message: `There is no ${beside} beside ${path}.` };
  const captions = splitCaption(text, splitLines);
  if (captions.length > 0) return { captions };
  return { missing: 'metadata_missing', message: `${beside} has no text.` };
}

function fromRow({ path, row }: CaptionSource, { columns }: CaptionSettings): CaptionOutcome {
  if (row === null) return { missing: 'metadata_missing', message: `No row tells about ${path}.` };
  const captions = captionsOfRow(row, columns);
  if (captions.length > 0) return { captions };
  const names = [...columns.columns, ...(columns.fallback === null ? [] : [columns.fallback])].join(', ');
  return { missing: 'metadata_missing', message: `The row of ${path} has no text in ${names}.` };
}

/** Each line with something in it is a text of its own, unless the lines belong together. */
export function splitCaption(text: string, splitLines: boolean): string[] {
  const parts = splitLines ? text.split(/\r\n?|\n/) : [text];
  return parts.map((part) => part.replace(/^\ufeff/, '').trim()).filter((part) => part !== '');
}

function stemOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}

function besideWith(path: string, extension: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${stemOf(path)}.${extension}`;
}
