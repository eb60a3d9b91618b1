// The rows that a file of a backend gives: as it is read by its name, or what the caption strategy makes of it. Each text of
// a sample is a row of its own: nothing that could be learnt is left to a draw. Pure but for what it is handed to read with.
import { isCaptionText, settingsOfCaptionFile } from '../captions/caption-files';
import type { CaptionSettings } from '../captions/caption-settings';
import { captionsOf } from '../captions/caption-strategy';
import { choosePrompt } from '../captions/choose-prompt';
import { filterCaption, type CaptionFilter } from '../captions/filter-caption';
import { shuffleCaption, type CaptionShuffle } from '../captions/shuffle-caption';
import type { FilterReason } from '../metadata/filtering-statistics';
import type { MetadataTable } from '../metadata/metadata-table';
import type { ReadFile, SourceFile } from '../reading/file-rows';
import { excerptOf, type Row, type RowEvent } from '../reading/row-event';
import type { TextReadOptions } from '../reading/text-reader';

export interface Extraction {
  captions: CaptionSettings;
  /** The files hold captions and nothing else. */
  captionFiles?: boolean;
  shuffle: CaptionShuffle | null;
  filters: readonly CaptionFilter[];
  /** What tells about the files; null where they tell themselves. */
  table: MetadataTable | null;
  /** How a file becomes rows: by its name where this is absent. */
  read: ReadFile;
  /** A file of the backend as text; null where there is none. */
  readText: (path: string) => Promise<string | null>;
  /** A row, or a file, that gives no text. */
  onLeftOut: (reason: FilterReason) => void;
}

/** @throws what `read` and `readText` throw. */
export async function* extractRows(
  file: SourceFile,
  extraction: Extraction,
  options: TextReadOptions,
): AsyncGenerator<RowEvent> {
  if (extraction.captionFiles === true) {
    yield* captionsOfFile(file, extraction, options);
    return;
  }
  const { captions, table, read, onLeftOut } = extraction;
  const { strategy, prompting } = captions;
  if (strategy === 'filename' || strategy === 'textfile' || table !== null) {
    yield* textsOf(file.name, { row: table?.rowOf(file.name) ?? null, line: 1 }, extraction);
    return;
  }
  for await (const event of read(file, options)) {
    if (event.kind === 'bad') {
      onLeftOut('other');
      yield event;
    } else if (prompting !== 'none') {
      const asked = prompted(event.row, `${file.name}:${event.line}`, event.line, captions);
      if (asked.kind === 'bad') onLeftOut('metadata_missing');
      yield asked;
    } else if (strategy === null) yield event;
    else yield* textsOf(file.name, event, extraction);
  }
}

/** Prompts go with captions as their strategies have it: each is extracted before. */
async function* captionsOfFile(
  file: SourceFile,
  extraction: Extraction,
  options: TextReadOptions,
): AsyncGenerator<RowEvent> {
  const own = { ...extraction, captions: settingsOfCaptionFile(file.name, extraction.captions) };
  if (isCaptionText(file.name)) {
    yield* textsOf(file.name, { row: null, line: 1 }, own);
    return;
  }
  for await (const event of extraction.read(file, options)) {
    if (event.kind === 'row') yield* textsOf(file.name, event, own);
    else {
      extraction.onLeftOut('other');
      yield event;
    }
  }
}

interface Place {
  row: Row | null;
  line: number;
}

async function* textsOf(
  path: string,
  { row, line }: Place,
  { captions, filters, shuffle, readText, onLeftOut }: Extraction,
): AsyncGenerator<RowEvent> {
  const outcome = await captionsOf({ path, row, readText }, captions);
  if ('missing' in outcome) {
    onLeftOut(outcome.missing);
    const excerpt = excerptOf(row === null ? path : JSON.stringify(row));
    yield { kind: 'bad', line, excerpt, message: outcome.message };
    return;
  }
  for (const caption of outcome.captions ?? []) {
    const text = filterCaption(caption, filters);
    const variants = shuffle === null ? [text] : shuffleCaption(text, shuffle).captions;
    for (const variant of variants) yield { kind: 'row', row: { text: variant }, line };
  }
}

/** The prompt asks and the text answers, or it stands in front of the text. Which of several: always the same of one sample. */
function prompted(row: Row, key: string, line: number, { prompts, prompting }: CaptionSettings): RowEvent {
  const { text } = row;
  if (typeof text !== 'string') {
    const message = `There is no column "text" to go with the instance_prompt; found are ${Object.keys(row).join(', ')}.`;
    return { kind: 'bad', line, excerpt: excerptOf(JSON.stringify(row)), message };
  }
  const prompt = choosePrompt(prompts, key);
  if (prompting === 'only') return { kind: 'row', row: { prompt, completion: text }, line };
  return { kind: 'row', row: { text: `${prompt} ${text}` }, line };
}
