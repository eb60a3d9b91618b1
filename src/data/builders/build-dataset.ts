// A backend's data as a dataset: its files are found, read, extracted, filtered and stored, in this order and one after the
// other, so that memory holds the list of files and a piece of one of them. What was built before stays until all of it is there.
import { mapAhead } from '../../lib/async/map-ahead';
import type { BackendBuildEvent, BackendProgress, BackendRecord, BuildReport } from '../../protocol/backends';
import type { DatasetRecord, ImportOutcome, ImportProgress, Sample } from '../../protocol/datasets';
import type { DataBackend } from '../backends/data-backend';
import { importDataset, type ImportDependencies } from '../importing/import-dataset';
import { BucketReport } from '../metadata/bucket-report';
import type { FileSnapshot } from '../metadata/file-snapshot';
import { bucketOf } from '../metadata/length-buckets';
import { chooseSamples } from '../metadata/max-samples';
import type { SourceFile } from '../reading/file-rows';
import type { RowEvent } from '../reading/row-event';
import type { TextReadOptions } from '../reading/text-reader';
import type { BuildSettings } from './build-settings';
import { countRejected } from './count-rejected';
import { discoverFiles } from './discover-files';
import { extractRows } from './extract-rows';
import { extractionOf } from './extraction-of';
import { writeSnapshot } from './snapshot-file';
import { StageLog, type StageProbe } from './stage-log';

export interface BuildRequest {
  record: BackendRecord;
  source: DataBackend;
  settings: BuildSettings;
  /** What was built of it before; null where nothing was. */
  before: DatasetRecord | null;
  /** Length of a sample in the unit of the report. */
  lengthOf: (sample: Sample) => number;
  lengthUnit: BuildReport['lengthUnit'];
}

export interface BuildDependencies extends ImportDependencies, StageProbe {
  now: () => number;
  /** A line for each fact of a build, for whoever looks into one. */
  log: (text: string) => void;
}

/** Files that are opened while one is read: a bucket answers in its own time. */
const OPEN_AHEAD = 16;

/** @throws AppError as the backend's calls, `storage.quota`, `rpc.cancelled`; nothing of it stays stored then. */
export async function* buildDataset(
  request: BuildRequest,
  dependencies: BuildDependencies,
  signal?: AbortSignal,
): AsyncGenerator<BackendBuildEvent> {
  const build = new DatasetBuild(request, dependencies, signal);
  for await (const progress of build.discover()) yield { type: 'progress', progress };
  for await (const event of importDataset(build.importRequest(), dependencies, signal)) {
    if (event.type === 'progress') yield { type: 'progress', progress: build.progress(event.progress) };
    else yield await build.conclude(event.outcome);
  }
}

class DatasetBuild {
  readonly #request: BuildRequest;
  readonly #dependencies: BuildDependencies;
  readonly #signal: AbortSignal | undefined;
  readonly #stages: StageLog;
  readonly #report: BucketReport;
  #files: FileSnapshot = [];
  #opened = 0;
  #rows = 0;

  constructor(request: BuildRequest, dependencies: BuildDependencies, signal: AbortSignal | undefined) {
    this.#request = request;
    this.#dependencies = dependencies;
    this.#signal = signal;
    this.#stages = new StageLog(dependencies);
    this.#report = new BucketReport(request.record.id);
  }

  async *discover(): AsyncGenerator<BackendProgress> {
    const { source, settings, before } = this.#request;
    const { blobs } = this.#dependencies;
    for await (const found of discoverFiles(source, settings, before, blobs, this.#signal)) {
      this.#files = found;
      yield this.#progress('discover', found.length, 0, 0, null);
    }
    this.#report.stage(this.#stages.end('discover', this.#files.length));
  }

  importRequest(): Parameters<typeof importDataset>[0] {
    const { record, settings, before } = this.#request;
    const { format, mapping, maxSamples } = settings;
    return {
      files: this.#open(),
      options: { name: before?.name ?? record.id, onBadLine: 'skip', format, mapping },
      sampleId: null,
      replaces: before,
      backendId: record.id,
      read: (file, options) => this.#read(file, options),
      onUnusable: () => this.#report.leaveOut('metadata_missing'),
      leaveOut: (sample) => this.#stages.inside('filter', () => this.#leaveOut(sample)),
      choose: (count) => this.#choose(chooseSamples(count, maxSamples, record.id)),
    };
  }

  progress({ samples, bytesDone }: ImportProgress): BackendProgress {
    return this.#progress('read', this.#opened, samples, bytesDone, this.#files.length);
  }

  async conclude(outcome: ImportOutcome): Promise<BackendBuildEvent> {
    const samples = outcome.status === 'stored' ? outcome.dataset.samples : 0;
    countRejected(this.#report, this.#request.source);
    this.#report.stage(this.#stages.end('read', this.#rows));
    this.#report.stage(this.#stages.end('filter', this.#report.usable));
    const { record } = this.#request;
    if (outcome.status === 'stored')
      await writeSnapshot(this.#dependencies.blobs, outcome.dataset, this.#files);
    this.#report.stage(this.#stages.end('store', samples));
    const report = this.#finished(outcome);
    if (outcome.status === 'refused') return { type: 'refused', backend: { ...record, report }, report };
    const { dataset } = outcome;
    const backend = { ...record, datasetId: dataset.id, builtWith: record.config, report };
    return { type: 'built', backend, dataset };
  }

  #finished(outcome: ImportOutcome): BuildReport {
    const { lengthUnit, source } = this.#request;
    // Where nothing is left, the whole way of the samples tells why.
    const explained = outcome.problems.map((problem) =>
      problem.code === 'dataset.empty'
        ? { ...problem, message: this.#report.noUsableSamples().message }
        : problem,
    );
    const problems = [...explained, ...(source.problems?.() ?? [])];
    this.#dependencies.log(this.#report.toText());
    const finishedAt = this.#dependencies.now();
    return { ...this.#report.parts(), lengthUnit, problems, peakBytes: this.#stages.peakBytes, finishedAt };
  }

  async *#open(): AsyncGenerator<SourceFile> {
    const { source } = this.#request;
    const opened = mapAhead(this.#files, OPEN_AHEAD, async ({ path }) => ({
      path,
      blob: await source.open(path),
    }));
    for await (const { path, blob } of opened) {
      this.#opened += 1;
      this.#stages.sample();
      // It went away since it was listed: the others are read.
      if (blob === null) this.#report.leaveOut('not_found');
      else yield { name: path, blob };
    }
  }

  async *#read(file: SourceFile, options: TextReadOptions): AsyncGenerator<RowEvent> {
    const { settings, source } = this.#request;
    const extraction = extractionOf(source, settings, (reason) => this.#report.leaveOut(reason));
    for await (const event of extractRows(file, extraction, options)) {
      if (event.kind === 'row') this.#rows += 1;
      yield event;
    }
  }

  #leaveOut(sample: Sample): string | null {
    const { settings, lengthOf } = this.#request;
    const length = lengthOf(sample);
    const reason = settings.reasonAgainst(length);
    if (reason === null) this.#report.keep(bucketOf(length, settings.bounds));
    else this.#report.leaveOut(reason);
    return reason;
  }

  #choose(chosen: readonly number[] | null): readonly number[] | null {
    if (chosen !== null) this.#report.remove('max_num_samples', this.#report.usable - chosen.length);
    return chosen;
  }

  #progress(
    stage: BackendProgress['stage'],
    files: number,
    samples: number,
    bytes: number,
    filesTotal: number | null,
  ): BackendProgress {
    return { backendId: this.#request.record.id, stage, files, samples, bytes, filesTotal };
  }
}
