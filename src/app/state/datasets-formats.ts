// Which parts each dataset format has, for choosing its columns by hand. Pure; detecting is the data worker's.
import type { DatasetFormat, FieldMapping } from '../../protocol/datasets';

export type FormatPart = keyof FieldMapping;

export const DATASET_FORMATS = [
  'text',
  'completion',
  'alpaca',
  'sharegpt',
  'messages',
] as const satisfies readonly DatasetFormat[];

const PARTS: Record<DatasetFormat, readonly { part: FormatPart; required: boolean }[]> = {
  text: [{ part: 'text', required: true }],
  completion: [
    { part: 'prompt', required: true },
    { part: 'completion', required: true },
    { part: 'system', required: false },
  ],
  alpaca: [
    { part: 'instruction', required: true },
    { part: 'input', required: false },
    { part: 'output', required: true },
    { part: 'system', required: false },
  ],
  sharegpt: [
    { part: 'conversations', required: true },
    { part: 'system', required: false },
  ],
  messages: [
    { part: 'messages', required: true },
    { part: 'system', required: false },
  ],
};

export function partsOf(format: DatasetFormat): readonly { part: FormatPart; required: boolean }[] {
  return PARTS[format];
}

/** The mapping for another format: same parts keep their column, columns named like a part are taken, else nothing. */
export function carryMapping(
  format: DatasetFormat,
  mapping: FieldMapping,
  columns: readonly string[],
): FieldMapping {
  const carried: FieldMapping = {};
  for (const { part } of partsOf(format)) {
    const column = mapping[part] ?? columns.find((name) => name.toLowerCase() === part);
    if (column !== undefined && columns.includes(column)) carried[part] = column;
  }
  return carried;
}

/** Required parts without a column. */
export function missingParts(format: DatasetFormat, mapping: FieldMapping): FormatPart[] {
  return partsOf(format).flatMap(({ part, required }) =>
    required && mapping[part] === undefined ? [part] : [],
  );
}

/** A dataset's name from the names of its files: `notes.train.jsonl` becomes `notes.train`. */
export function nameFromFiles(fileNames: readonly string[]): string {
  const [first = ''] = fileNames;
  return first.replace(/\.[^.]+$/, '') || first;
}
