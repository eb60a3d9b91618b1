// Reads a stored dataset's rows again under another format or mapping. The old index stays valid until the record that
// points to the new one is put.
import type { Database } from '../../core/database';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetFormat, DatasetRecord, FieldMapping, ImportOutcome } from '../../protocol/datasets';
import { sampleOfRow } from '../formats/row-to-sample';
import { reportPath, stepPath } from '../quality/dataset-steps';
import { excerptOf, type Row } from '../reading/row-event';
import { indexPath } from '../storage/dataset-files';
import { IndexBuilder } from '../storage/row-writer';
import { readStoredRows } from '../storage/sample-reader';
import { chooseFormat } from './choose-format';
import { asAppError, fileProblem, ProblemLog } from './problem-log';

export async function reinterpretDataset(
  record: DatasetRecord,
  format: DatasetFormat,
  mapping: FieldMapping,
  { database, blobs }: { database: Database; blobs: BlobStore },
): Promise<ImportOutcome> {
  let reason: string;
  try {
    ({ reason } = chooseFormat([allColumns(record)], format, mapping));
  } catch (error) {
    const failure = asAppError(error);
    if (failure === null) throw error;
    return { status: 'refused', problems: [fileProblem(failure, record.fileNames.join(', '))], badLines: 0 };
  }
  const { index, log } = await judgeRows(record, format, mapping, blobs);
  if (index.samples === 0) return { status: 'refused', problems: log.problems, badLines: log.total };
  const oldPath = indexPath(record.folder, record.format, record.mapping);
  const newPath = indexPath(record.folder, format, mapping);
  await blobs.write(newPath, index.bytes());
  const unreadable = record.skipped['dataset.bad-line'];
  const skipped = { ...(unreadable === undefined ? {} : { 'dataset.bad-line': unreadable }), ...log.counts };
  // Other rows may be samples now: what was said of them by number holds no longer.
  const { steps = [], ...kept } = record;
  const dataset = { ...kept, format, mapping, detected: false, reason, samples: index.samples, skipped };
  await database.put('datasets', dataset);
  if (oldPath !== newPath) await blobs.remove(oldPath);
  for (const { id } of steps) await blobs.remove(stepPath(record.folder, id));
  await blobs.remove(reportPath(record.folder));
  return { status: 'stored', dataset, problems: log.problems };
}

async function judgeRows(
  record: DatasetRecord,
  format: DatasetFormat,
  mapping: FieldMapping,
  blobs: BlobStore,
): Promise<{ index: IndexBuilder; log: ProblemLog }> {
  const index = new IndexBuilder();
  const log = new ProblemLog();
  let line = 0;
  for await (const { row, chunk, offset, length } of readStoredRows(record.folder, blobs)) {
    line++;
    const outcome = sampleOfRow(row, format, mapping);
    if ('sample' in outcome) index.add(chunk, offset, length);
    else {
      const [file = record.name] = record.fileNames;
      const excerpt = excerptOf(JSON.stringify(row));
      log.add({ code: 'dataset.missing-fields', file, line, excerpt, message: outcome.missing });
    }
  }
  return { index, log };
}

/** The mapping is checked against the columns the record knows; the values are judged row by row. */
function allColumns(record: DatasetRecord): Row {
  return Object.fromEntries(record.columns.map((column) => [column, '']));
}
