// A backend's pictures as a dataset: found, looked at, captioned, decoded, cropped, resized and stored, one after the other.
// A picture that cannot be used is set aside with its reason; it never stops the others. What was built before stays until all
// of it is there.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';
import type { BackendBuildEvent, BackendProgress, BackendRecord, BuildReport } from '../../protocol/backends';
import type { DatasetProblem, DatasetRecord } from '../../protocol/datasets';
import type { DataBackend } from '../backends/data-backend';
import { findPictures, type FoundPicture } from '../images/find-pictures';
import { captionsOfPicture } from '../images/picture-captions';
import { readPictureHeader } from '../images/picture-header';
import { PictureWriter } from '../images/picture-writer';
import { planPicture, type PictureOutcome } from '../images/plan-picture';
import type { RenderPicture } from '../images/render-picture';
import type { Size } from '../images/picture-size';
import { PICTURE_FORMAT } from '../images/stored-pictures';
import { ProblemLog } from '../importing/problem-log';
import { BucketReport } from '../metadata/bucket-report';
import type { FileSnapshot } from '../metadata/file-snapshot';
import { chooseSamples } from '../metadata/max-samples';
import type { FilterReason } from '../metadata/filtering-statistics';
import { throwIfCancelled } from '../reading/text-reader';
import type { BuildDependencies } from './build-dataset';
import { countRejected } from './count-rejected';
import { discoverFiles } from './discover-files';
import type { PictureBuildSettings } from './picture-build-settings';
import { readTextOf } from './read-text-of';
import { writeSnapshot } from './snapshot-file';
import { StageLog } from './stage-log';

export interface PictureBuildRequest {
  record: BackendRecord;
  source: DataBackend;
  settings: PictureBuildSettings;
  /** What was built of it before; null where nothing was. */
  before: DatasetRecord | null;
}

export interface PictureBuildDependencies extends BuildDependencies {
  renderPicture: RenderPicture;
}

const PICTURES_PER_PROGRESS = 8;
const NAMES_KEPT = 100;

/** @throws AppError as the backend's calls, `storage.quota`, `rpc.cancelled`; nothing of it stays stored then. */
export async function* buildPictures(
  request: PictureBuildRequest,
  dependencies: PictureBuildDependencies,
  signal?: AbortSignal,
): AsyncGenerator<BackendBuildEvent> {
  const build = new PictureBuild(request, dependencies, signal);
  let stored = false;
  try {
    for await (const progress of build.read()) yield { type: 'progress', progress };
    const event = await build.conclude();
    stored = event.type === 'built';
    yield event;
  } finally {
    if (!stored) await dependencies.blobs.remove(build.folder);
  }
}

class PictureBuild {
  readonly folder: string;
  readonly #request: PictureBuildRequest;
  readonly #dependencies: PictureBuildDependencies;
  readonly #signal: AbortSignal | undefined;
  readonly #stages: StageLog;
  readonly #report: BucketReport;
  readonly #writer: PictureWriter;
  readonly #problems = new ProblemLog();
  readonly #leftOut: Record<string, number> = {};
  readonly #names: string[] = [];
  #files: FileSnapshot = [];
  #seen = 0;
  #bytes = 0;

  constructor(
    request: PictureBuildRequest,
    dependencies: PictureBuildDependencies,
    signal: AbortSignal | undefined,
  ) {
    this.#request = request;
    this.#dependencies = dependencies;
    this.#signal = signal;
    this.#stages = new StageLog(dependencies);
    this.#report = new BucketReport(request.record.id, 'aspect');
    this.folder = `datasets/${this.#newId()}`;
    this.#writer = new PictureWriter(dependencies.blobs, this.folder);
  }

  async *read(): AsyncGenerator<BackendProgress> {
    const { source, settings, before } = this.#request;
    const { blobs } = this.#dependencies;
    for await (const found of discoverFiles(source, settings, before, blobs, this.#signal)) {
      this.#files = found;
      yield this.#progress('discover');
    }
    this.#report.stage(this.#stages.end('discover', this.#files.length));
    const places = {
      paths: this.#order(),
      column: settings.column,
      table: settings.captions.table,
      leftOut: (path: string, size: Size) => this.#reasonAgainst(path, size),
    };
    for await (const picture of findPictures(source, places, this.#signal)) {
      throwIfCancelled(this.#signal);
      await this.#take(picture);
      if (this.#seen % PICTURES_PER_PROGRESS === 1) yield this.#progress('read');
      if (this.#isFull()) break;
    }
    this.#choose();
    countRejected(this.#report, source);
    this.#report.stage(this.#stages.end('read', this.#seen));
    this.#report.stage(this.#stages.end('filter', this.#writer.count));
    yield this.#progress('store');
  }

  async conclude(): Promise<BackendBuildEvent> {
    const { record } = this.#request;
    const count = this.#writer.count;
    const { sizeBytes, pictures } = await this.#writer.finish();
    this.#report.stage(this.#stages.end('store', count));
    if (count === 0) {
      const report = this.#finished([this.#emptyProblem()]);
      return { type: 'refused', backend: { ...record, report }, report };
    }
    const dataset: DatasetRecord = { ...this.#record(), samples: count, sizeBytes, pictures };
    await writeSnapshot(this.#dependencies.blobs, dataset, this.#files);
    throwIfCancelled(this.#signal);
    await this.#dependencies.database.put('datasets', dataset);
    const { before } = this.#request;
    if (before !== null) await this.#dependencies.blobs.remove(before.folder);
    const report = this.#finished([]);
    const backend = { ...record, datasetId: dataset.id, builtWith: record.config, report };
    return { type: 'built', backend, dataset };
  }

  /** Where only some are wanted, files come in an order of chance that is always the same: the first usable ones are taken. */
  #order(): string[] {
    const paths = this.#files.map(({ path }) => path);
    const { record, settings } = this.#request;
    if (settings.maxSamples === null || settings.column !== null) return paths;
    return new Random(hashSeed('max_num_samples', record.id)).shuffle(paths);
  }

  #isFull(): boolean {
    const { maxSamples, column } = this.#request.settings;
    return column === null && maxSamples !== null && this.#writer.count >= maxSamples;
  }

  /** Rows come in the order of their tables: some are chosen once all are known. */
  #choose(): void {
    const { settings, record } = this.#request;
    const count = this.#writer.count;
    const chosen = chooseSamples(count, settings.maxSamples, record.id);
    if (chosen === null) return;
    this.#writer.choose(chosen);
    this.#report.remove('max_num_samples', count - chosen.length);
    this.#leftOut['over_max_num_samples'] = count - chosen.length;
  }

  async #take(picture: FoundPicture): Promise<void> {
    this.#seen += 1;
    if (this.#names.length < NAMES_KEPT) this.#names.push(picture.path);
    const { content } = picture;
    if ('gone' in content) this.#leaveOut('not_found');
    else if ('leftOut' in content) this.#leaveOut(content.leftOut);
    else if ('broken' in content) this.#setAside(picture, content.broken);
    else await this.#judge(picture, content.bytes);
    this.#stages.sample();
  }

  /** What is known without decoding comes first. */
  async #judge(picture: FoundPicture, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#bytes += bytes.length;
    const look = readPictureHeader(bytes);
    if ('broken' in look) {
      this.#setAside(picture, look.broken);
      return;
    }
    const { size, type } = look.header;
    const reason = this.#reasonAgainst(picture.path, size);
    if (reason !== null) {
      this.#leaveOut(reason);
      return;
    }
    const { path, row } = picture;
    const readText = readTextOf(this.#request.source);
    const captions = await captionsOfPicture({ path, row, readText }, this.#request.settings.captions);
    if ('missing' in captions) {
      this.#leaveOut(captions.missing);
      this.#tell('dataset.missing-fields', picture, captions.message);
    } else await this.#store(picture, new Blob([bytes], { type }), captions.captions);
  }

  async #store(picture: FoundPicture, blob: Blob, captions: string[]): Promise<void> {
    const { path } = picture;
    const rendered = await this.#render(picture, blob);
    if (rendered === null) return;
    await this.#writer.add(path, rendered, captions);
    this.#report.keep(rendered.plan.aspect);
  }

  /** null where it was left out or set aside. */
  async #render(picture: FoundPicture, blob: Blob): ReturnType<RenderPicture> {
    let leftOut: FilterReason | null = null;
    try {
      const rendered = await this.#dependencies.renderPicture(blob, (size) => {
        const outcome = this.#plan(picture.path, size);
        if ('plan' in outcome) return outcome.plan;
        leftOut = outcome.leftOut;
        return null;
      });
      if (leftOut !== null) this.#leaveOut(leftOut);
      return rendered;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'dataset.bad-picture') throw error;
      this.#setAside(picture, error.message);
      return null;
    }
  }

  #plan(path: string, size: Size): PictureOutcome {
    const { record, settings } = this.#request;
    return planPicture(size, settings.sizes, [record.id, path]);
  }

  #reasonAgainst(path: string, size: Size): FilterReason | null {
    const outcome = this.#plan(path, size);
    return 'leftOut' in outcome ? outcome.leftOut : null;
  }

  #leaveOut(reason: FilterReason): void {
    this.#report.leaveOut(reason);
    this.#leftOut[reason] = (this.#leftOut[reason] ?? 0) + 1;
  }

  #setAside(picture: FoundPicture, why: string): void {
    this.#leaveOut('other');
    this.#tell('dataset.bad-picture', picture, why.startsWith('It ') ? why : `It ${why}`);
  }

  #tell(code: string, { path, line }: FoundPicture, message: string): void {
    this.#problems.add({ code, file: path, line, excerpt: '', message });
  }

  #emptyProblem(): DatasetProblem {
    const { message } = this.#report.noUsableSamples();
    return { code: 'dataset.empty', file: this.#request.record.id, line: null, excerpt: '', message };
  }

  #finished(first: readonly DatasetProblem[]): BuildReport {
    const problems = [...first, ...this.#problems.problems, ...(this.#request.source.problems?.() ?? [])];
    this.#dependencies.log(this.#report.toText());
    const finishedAt = this.#dependencies.now();
    const { peakBytes } = this.#stages;
    return { ...this.#report.parts(), lengthUnit: 'aspect', problems, peakBytes, finishedAt };
  }

  #record(): Omit<DatasetRecord, 'samples' | 'sizeBytes' | 'pictures'> {
    const { before, record } = this.#request;
    return {
      id: before?.id ?? this.#newId(),
      name: before?.name ?? record.id,
      fileNames: this.#names,
      fileType: 'image',
      ...PICTURE_FORMAT,
      detected: true,
      reason: 'Its source holds pictures.',
      columns: [],
      skipped: { ...this.#leftOut },
      origin: 'imported',
      sampleId: null,
      backendId: record.id,
      folder: this.folder,
      createdAt: this.#dependencies.now(),
    };
  }

  #newId(): string {
    return this.#dependencies.newId?.() ?? crypto.randomUUID();
  }

  #progress(stage: BackendProgress['stage']): BackendProgress {
    const { record, settings } = this.#request;
    const filesTotal = stage === 'discover' || settings.column !== null ? null : this.#files.length;
    const files = stage === 'discover' ? this.#files.length : this.#seen;
    return {
      backendId: record.id,
      stage,
      files,
      samples: this.#writer.count,
      bytes: this.#bytes,
      filesTotal,
    };
  }
}
