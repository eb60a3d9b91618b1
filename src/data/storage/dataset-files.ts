// Where a dataset's files lie inside its folder. Rows are kept as they were read, so that another format or mapping can
// be applied later; an index names the rows that are samples under one format and mapping.
import { hashSeed } from '../../lib/random';
import type { DatasetFormat, FieldMapping } from '../../protocol/datasets';

/** Chunk, byte offset and byte length of each sample. */
export const INDEX_FIELDS = 3;

export function chunkPath(folder: string, chunk: number): string {
  return `${folder}/rows-${String(chunk).padStart(5, '0')}.jsonl`;
}

/** Named after what it was made for: a crash between writing it and the record leaves the old pair intact. */
export function indexPath(folder: string, format: DatasetFormat, mapping: FieldMapping): string {
  const parts = Object.entries(mapping).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${folder}/index-${hashSeed(format, JSON.stringify(parts)).toString(16).padStart(8, '0')}.bin`;
}
