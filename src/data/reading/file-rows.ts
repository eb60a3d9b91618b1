// Chooses the reader of a file by its name.
import { AppError } from '../../lib/errors';
import type { DatasetFileType } from '../../protocol/datasets';
import { readCsvRows } from './csv-rows';
import { readDocumentText } from './document-text';
import { readJsonRows } from './json-rows';
import { readJsonlRows } from './jsonl-rows';
import { readParquetRows } from './parquet-rows';
import type { RowEvent } from './row-event';
import { readTarRows } from './tar-rows';
import { readText, type ByteSource, type TextReadOptions } from './text-reader';
import { readTextRows } from './text-rows';

export interface SourceFile {
  name: string;
  blob: ByteSource;
}

/** How a file becomes rows. */
export type ReadFile = (file: SourceFile, options: TextReadOptions) => AsyncIterable<RowEvent>;

/** What rows are read of. */
type RowFileType = Exclude<DatasetFileType, 'image'>;

const TYPE_OF_EXTENSION: Record<string, RowFileType> = {
  txt: 'txt',
  text: 'txt',
  md: 'md',
  markdown: 'md',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
  html: 'html',
  htm: 'html',
  docx: 'docx',
  pdf: 'pdf',
  tar: 'tar',
};

/** Endings that are known, without the dot. */
export const READ_EXTENSIONS: readonly string[] = Object.keys(TYPE_OF_EXTENSION);

/** A file without a known ending is read as plain text: encoding checks still refuse what is none. */
export function fileTypeOf(fileName: string): RowFileType {
  const extension = fileName.toLowerCase().split('.').pop() ?? '';
  return TYPE_OF_EXTENSION[extension] ?? 'txt';
}

/** Types that are read as text and may come together. */
const TEXTS: readonly DatasetFileType[] = ['txt', 'md', 'html', 'docx', 'pdf'];

const NAMES_KEPT = 100;

/** The files of a dataset as they come, all of one type. */
export class FileTypes {
  /** The first ones: folders may have more files than a record should name. */
  readonly fileNames: string[] = [];
  readonly #types = new Set<DatasetFileType>();

  /** That of the first file. */
  get type(): DatasetFileType {
    return fileTypeOf(this.fileNames[0] ?? '');
  }

  /** @throws AppError `import.invalid` where files of different types come together. */
  add(fileName: string): void {
    if (this.fileNames.length < NAMES_KEPT) this.fileNames.push(fileName);
    this.#types.add(fileTypeOf(fileName));
    const kinds = new Set([...this.#types].map((type) => (TEXTS.includes(type) ? 'txt' : type)));
    if (kinds.size <= 1) return;
    throw new AppError(
      'import.invalid',
      `The files are of different types: ${[...this.#types].join(', ')}.`,
      { remedy: 'Add the files of each type as a dataset of their own.' },
    );
  }
}

/** By the name of the file. @throws as `readText`, `readDocumentText`, `readParquetRows` and `readTarRows`. */
export function readRows({ name, blob }: SourceFile, options: TextReadOptions): AsyncGenerator<RowEvent> {
  const type = fileTypeOf(name);
  if (type === 'parquet') return readParquetRows(blob, name, options);
  if (type === 'tar') return readTarRows(blob, name, options);
  if (type === 'html' || type === 'docx' || type === 'pdf') {
    return readTextRows(readDocumentText(type, blob, name, options));
  }
  const pieces = readText(blob, name, options);
  switch (type) {
    case 'txt':
    case 'md':
      return readTextRows(pieces);
    case 'jsonl':
      return readJsonlRows(pieces);
    case 'json':
      return readJsonRows(pieces);
    case 'csv':
      return readCsvRows(pieces);
  }
}
