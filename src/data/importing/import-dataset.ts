// Files in, a stored dataset out: read in slices, judged row by row, written in chunks. Nothing is half stored - rows go
// to a fresh folder, the record comes last, and whatever ends early removes the folder.
import type { Database } from '../../core/database';
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type {
  DatasetProblem,
  DatasetRecord,
  ImportOptions,
  ImportOutcome,
  ImportProgress,
  Sample,
} from '../../protocol/datasets';
import { columnsOf } from '../formats/detect-format';
import { sampleOfRow } from '../formats/row-to-sample';
import { FileTypes, readRows, type ReadFile, type SourceFile } from '../reading/file-rows';
import { excerptOf, type Row, type RowEvent } from '../reading/row-event';
import { throwIfCancelled } from '../reading/text-reader';
import { indexPath } from '../storage/dataset-files';
import { RowWriter } from '../storage/row-writer';
import { chooseFormat, type ChosenFormat } from './choose-format';
import { asAppError, fileProblem, ProblemLog } from './problem-log';

export interface ImportDependencies {
  database: Database;
  blobs: BlobStore;
  newId?: () => string;
  now?: () => number;
}

export interface ImportRequest {
  /** Given one after the other where a source is still being listed. */
  files: Iterable<SourceFile> | AsyncIterable<SourceFile>;
  options: ImportOptions;
  /** Which of the site's samples the files are; null for the user's own. A sample is stored under its own id, once. */
  sampleId: string | null;
  /** The dataset that the outcome replaces once it is there; without one a new one is made. */
  replaces?: DatasetRecord | null;
  /** The data backend that the files are of. */
  backendId?: string;
  /** How a file becomes rows: by its name where this is absent. */
  read?: ReadFile;
  /** A row that lacks the fields of the format. */
  onUnusable?: () => void;
  /** Why a sample takes no part, or null. Its row is kept. */
  leaveOut?: (sample: Sample) => string | null;
  /** Samples that are kept of so many, as numbers in ascending order; null keeps all. */
  choose?: (count: number) => readonly number[] | null;
}

/** Id of the dataset that a sample of the site becomes. */
export function sampleDatasetId(sampleId: string): string {
  return `sample-${sampleId}`;
}

export type ImportEvent =
  { type: 'progress'; progress: ImportProgress } | { type: 'outcome'; outcome: ImportOutcome };

/** Rows looked at before the format is settled. */
const PROBE_ROWS = 100;
const ROWS_PER_PROGRESS = 500;

/** @throws AppError `storage.quota` where the disk is full, `rpc.cancelled` once `signal` fired; nothing stays stored. */
export async function* importDataset(
  request: ImportRequest,
  dependencies: ImportDependencies,
  signal?: AbortSignal,
): AsyncGenerator<ImportEvent> {
  const run = new ImportRun(request, dependencies, signal);
  let stored = false;
  try {
    for await (const progress of run.read()) yield { type: 'progress', progress };
    throwIfCancelled(signal);
    const outcome = await run.conclude();
    stored = outcome.status === 'stored';
    yield { type: 'outcome', outcome };
  } catch (error) {
    const problem = run.problemOf(error);
    if (problem === null) throw error;
    yield { type: 'outcome', outcome: { status: 'refused', problems: [problem], badLines: 0 } };
  } finally {
    if (!stored) await dependencies.blobs.remove(run.folder);
  }
}

class ImportRun {
  readonly folder: string;
  readonly #request: ImportRequest;
  readonly #dependencies: ImportDependencies;
  readonly #signal: AbortSignal | undefined;
  readonly #id: string;
  readonly #writer: RowWriter;
  readonly #log = new ProblemLog();
  readonly #columns = new Set<string>();
  readonly #types = new FileTypes();
  /** Samples that take no part, by reason. */
  readonly #leftOut: Record<string, number> = {};
  #probe: { row: Row; line: number; file: string }[] = [];
  #format: ChosenFormat | null = null;
  #file = '';
  #bytesTotal: number;
  #bytesDone = 0;
  #samples = 0;

  constructor(request: ImportRequest, dependencies: ImportDependencies, signal: AbortSignal | undefined) {
    const newId = dependencies.newId ?? (() => crypto.randomUUID());
    this.#request = request;
    this.#dependencies = dependencies;
    this.#signal = signal;
    this.#id =
      request.replaces?.id ?? (request.sampleId === null ? newId() : sampleDatasetId(request.sampleId));
    this.folder = `datasets/${newId()}`;
    this.#writer = new RowWriter(dependencies.blobs, this.folder);
    this.#bytesTotal = isList(request.files) ? bytesOf(request.files) : 0;
  }

  async *read(): AsyncGenerator<ImportProgress> {
    const { files, read = readRows } = this.#request;
    let rows = 0;
    let bytesBefore = 0;
    for await (const file of files) {
      this.#file = file.name;
      this.#types.add(file.name);
      if (!isList(files)) this.#bytesTotal += file.blob.size;
      const options = {
        signal: this.#signal,
        onBytes: (done: number) => (this.#bytesDone = bytesBefore + done),
      };
      for await (const event of read(file, options)) {
        await this.#take(event);
        if (rows++ % ROWS_PER_PROGRESS === 0) {
          throwIfCancelled(this.#signal);
          yield this.#progress('parsing');
        }
      }
      bytesBefore += file.blob.size;
    }
    yield this.#progress('storing');
  }

  /** Refuses, or completes the folder and puts the record. */
  async conclude(): Promise<ImportOutcome> {
    await this.#settleFormat();
    const { problems, total } = this.#log;
    if (this.#stopped()) return { status: 'refused', problems, badLines: total };
    if (this.#samples === 0) {
      return { status: 'refused', problems: [this.#emptyProblem(), ...problems], badLines: total };
    }
    this.#choose();
    const format = this.#chosen();
    const sizeBytes = await this.#writer.finish(indexPath(this.folder, format.format, format.mapping));
    const dataset = this.#record(format, sizeBytes);
    throwIfCancelled(this.#signal);
    await this.#dependencies.database.put('datasets', dataset);
    const { replaces } = this.#request;
    if (replaces !== undefined && replaces !== null) await this.#dependencies.blobs.remove(replaces.folder);
    return { status: 'stored', dataset, problems };
  }

  /** Errors of the files become problems that are shown; all others stay errors. */
  problemOf(error: unknown): DatasetProblem | null {
    const failure = asAppError(error);
    if (failure === null) return null;
    const ofFiles = failure.code.startsWith('dataset.') || failure.code === 'import.invalid';
    return ofFiles ? fileProblem(failure, this.#file) : null;
  }

  async #take(event: RowEvent): Promise<void> {
    if (event.kind === 'bad') {
      const { line, excerpt, message } = event;
      this.#log.add({ code: 'dataset.bad-line', file: this.#file, line, excerpt, message });
    } else if (this.#format === null) {
      this.#probe.push({ row: event.row, line: event.line, file: this.#file });
      if (this.#probe.length >= PROBE_ROWS) await this.#settleFormat();
    } else {
      await this.#judge(event.row, event.line, this.#file);
    }
  }

  async #settleFormat(): Promise<void> {
    if (this.#format !== null || this.#probe.length === 0) return;
    const { format, mapping } = this.#request.options;
    const probe = this.#probe;
    const rows = probe.map(({ row }) => row);
    this.#format = chooseFormat(rows, format, mapping);
    for (const column of columnsOf(rows)) this.#columns.add(column);
    this.#probe = [];
    for (const { row, line, file } of probe) await this.#judge(row, line, file);
  }

  async #judge(row: Row, line: number, file: string): Promise<void> {
    const { format, mapping } = this.#chosen();
    const outcome = sampleOfRow(row, format, mapping);
    if ('missing' in outcome) {
      const excerpt = excerptOf(JSON.stringify(row));
      this.#request.onUnusable?.();
      this.#log.add({ code: 'dataset.missing-fields', file, line, excerpt, message: outcome.missing });
    }
    const isSample = 'sample' in outcome && this.#takesPart(outcome.sample);
    if (isSample) this.#samples++;
    // Once refused, the rest is read only to count what else is wrong.
    if (!this.#stopped()) await this.#writer.add(row, isSample);
  }

  #takesPart(sample: Sample): boolean {
    const reason = this.#request.leaveOut?.(sample) ?? null;
    if (reason !== null) this.#leftOut[reason] = (this.#leftOut[reason] ?? 0) + 1;
    return reason === null;
  }

  /** Some of the samples, where only some are wanted. */
  #choose(): void {
    const chosen = this.#request.choose?.(this.#samples) ?? null;
    if (chosen === null) return;
    this.#writer.choose(chosen);
    this.#leftOut['over_max_num_samples'] = this.#samples - chosen.length;
    this.#samples = chosen.length;
  }

  #stopped(): boolean {
    return this.#request.options.onBadLine === 'stop' && this.#log.total > 0;
  }

  #chosen(): ChosenFormat {
    if (this.#format === null)
      throw new AppError('internal', 'Rows were judged before the format was settled.');
    return this.#format;
  }

  #progress(stage: ImportProgress['stage']): ImportProgress {
    return { stage, bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal, samples: this.#samples };
  }

  #emptyProblem(): DatasetProblem {
    const names = this.#types.fileNames.join(', ');
    const bytes = this.#bytesTotal;
    const why =
      this.#log.total > 0
        ? `none of its ${this.#log.total} lines can be used`
        : bytes === 0
          ? 'it is empty (0 bytes)'
          : `its ${bytes} bytes hold no text`;
    const message = `${names === '' ? 'Nothing was added' : names} gives no samples: ${why}. Add a file with at least one.`;
    return { code: 'dataset.empty', file: names, line: null, excerpt: '', message };
  }

  #record(format: ChosenFormat, sizeBytes: number): DatasetRecord {
    const { options, sampleId, backendId } = this.#request;
    const { fileNames, type } = this.#types;
    const now = this.#dependencies.now ?? Date.now;
    return {
      id: this.#id,
      name: options.name.trim() || (fileNames[0] ?? ''),
      fileNames,
      fileType: type,
      format: format.format,
      detected: format.detected,
      reason: format.reason,
      mapping: format.mapping,
      columns: [...this.#columns],
      samples: this.#samples,
      sizeBytes,
      skipped: { ...this.#log.counts, ...this.#leftOut },
      origin: sampleId === null ? 'imported' : 'sample',
      sampleId,
      ...(backendId === undefined ? {} : { backendId }),
      folder: this.folder,
      createdAt: now(),
    };
  }
}

const isList = (files: ImportRequest['files']): files is SourceFile[] => Array.isArray(files);

const bytesOf = (files: readonly SourceFile[]): number => files.reduce((sum, { blob }) => sum + blob.size, 0);
