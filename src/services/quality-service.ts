// The data worker's calls about the quality of a dataset: a check, its report, and fixes that are steps of the dataset's record.
// Rows are never touched: a step's file names samples, and the record that names the step is put last.
import type { Database } from '../core/database';
import { checkDataset } from '../data/quality/check-dataset';
import {
  numbersOfFix,
  reportPath,
  samplesOfStep,
  stepId,
  stepPath,
  withSteps,
} from '../data/quality/dataset-steps';
import { SampleReader } from '../data/storage/sample-reader';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { QualityApi, QualityStreams } from '../protocol/data';
import type { DatasetRecord } from '../protocol/datasets';
import type { DatasetFix, QualityEvent, QualityReport, QualitySettings } from '../protocol/quality';
import type { BatchPlans } from './batch-plans';
import { findTexts } from './data-service';
import type { TextTools } from './text-tools';

export interface QualityServiceParts {
  database: Database;
  blobs: BlobStore;
  tools: Pick<TextTools, 'encoderFor'>;
  plans: Pick<BatchPlans, 'forgetDataset'>;
  now: () => number;
  beat: () => void;
}

/** The fixes of a dataset, in order, and how it was checked for them. */
export interface StepsToRetake {
  fixes: readonly DatasetFix[];
  settings: QualitySettings;
}

export class QualityService implements QualityApi, QualityStreams {
  readonly #parts: QualityServiceParts;
  #checks = 0;

  constructor(parts: QualityServiceParts) {
    this.#parts = parts;
  }

  get checking(): boolean {
    return this.#checks > 0;
  }

  /** @param signal stops it at the next sample; the report before stays. */
  async *checkQuality(
    datasetId: string,
    settings: QualitySettings,
    signal?: AbortSignal,
  ): AsyncGenerator<QualityEvent> {
    checkSettings(settings);
    const { blobs, tools, now } = this.#parts;
    const record = await this.#find(datasetId);
    this.#checks += 1;
    try {
      const source = await SampleReader.open(record, blobs);
      const encoder = await tools.encoderFor(settings.modelId);
      for await (const event of checkDataset({ source, encoder, settings, now })) {
        await this.#pause();
        if (signal?.aborted === true) return;
        if (event.type === 'report') await this.#keep(record, event.report);
        yield event;
      }
    } finally {
      this.#checks -= 1;
    }
  }

  async qualityReport(datasetId: string): Promise<QualityReport | null> {
    return this.#report(await this.#find(datasetId));
  }

  async applyFix(datasetId: string, fix: DatasetFix): Promise<DatasetRecord> {
    const { blobs, now } = this.#parts;
    const record = await this.#find(datasetId);
    const report = await this.qualityReport(datasetId);
    const { steps = [] } = record;
    if (report === null || !report.nextSteps.includes(fix) || steps.some((step) => step.fix === fix)) {
      throw new AppError('config.invalid', `The last check of "${record.name}" does not propose ${fix}.`, {
        remedy: 'Check the dataset again.',
        details: { datasetId, fix },
      });
    }
    const numbers = numbersOfFix(fix, report);
    const id = stepId(fix, numbers);
    await blobs.write(stepPath(record.folder, id), new Blob([numbers]));
    return this.#put(record, [...steps, { id, fix, samples: samplesOfStep(fix, numbers), appliedAt: now() }]);
  }

  async undoStep(datasetId: string, id: string): Promise<DatasetRecord> {
    const record = await this.#find(datasetId);
    const { steps = [] } = record;
    const left = steps.filter((step) => step.id !== id);
    const changed = await this.#put(record, left);
    if (left.length < steps.length) await this.#parts.blobs.remove(stepPath(record.folder, id));
    return changed;
  }

  /** What was done about a dataset, to be asked for before it is read again; null where nothing was. */
  async stepsTaken(record: DatasetRecord): Promise<StepsToRetake | null> {
    const fixes = (record.steps ?? []).map(({ fix }) => fix);
    const report = fixes.length === 0 ? null : await this.#report(record);
    return report === null ? null : { fixes, settings: report.settings };
  }

  /**
   * Checks what was read in a dataset's place as it was checked before, and does the same where there is need. Yields the check.
   * @throws AppError as `checkQuality`, `rpc.cancelled`; the dataset is then as it was read.
   */
  async *takeStepsAgain(
    datasetId: string,
    { fixes, settings }: StepsToRetake,
    signal?: AbortSignal,
  ): AsyncGenerator<QualityEvent, DatasetRecord> {
    let needed: readonly DatasetFix[] = [];
    for await (const event of this.checkQuality(datasetId, settings, signal)) {
      if (event.type === 'report') needed = event.report.nextSteps;
      yield event;
    }
    if (signal?.aborted === true) throw new AppError('rpc.cancelled', 'The check was cancelled.');
    for (const fix of fixes) if (needed.includes(fix)) await this.applyFix(datasetId, fix);
    return this.#find(datasetId);
  }

  async #report({ folder }: DatasetRecord): Promise<QualityReport | null> {
    const blob = await this.#parts.blobs.read(reportPath(folder));
    return blob === null ? null : reportIn(await blob.text());
  }

  async #put(record: DatasetRecord, steps: NonNullable<DatasetRecord['steps']>): Promise<DatasetRecord> {
    const changed = withSteps(record, steps);
    await this.#parts.database.put('datasets', changed);
    this.#parts.plans.forgetDataset(record.id);
    return changed;
  }

  /** A dataset that was read another way meanwhile has other samples: the report is not about them. */
  async #keep(record: DatasetRecord, report: QualityReport): Promise<void> {
    const now = await this.#find(record.id);
    if (now.format !== record.format || JSON.stringify(now.mapping) !== JSON.stringify(record.mapping)) {
      throw new AppError('dataset.unknown', `"${record.name}" was read another way while it was checked.`, {
        remedy: 'Check it again.',
        details: { datasetId: record.id },
      });
    }
    await this.#parts.blobs.write(reportPath(record.folder), new Blob([JSON.stringify(report)]));
  }

  #find(datasetId: string): Promise<DatasetRecord> {
    return findTexts(this.#parts.database, datasetId);
  }

  /** Lets other calls through, and shows that a long check is alive. */
  async #pause(): Promise<void> {
    this.#parts.beat();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Reports of earlier versions shorten nothing. */
function reportIn(text: string): QualityReport {
  const { shortened = [], ...report } = JSON.parse(text) as Omit<QualityReport, 'shortened'> &
    Partial<Pick<QualityReport, 'shortened'>>;
  return { ...report, shortened };
}

function checkSettings({ similarity, evalShare, maxTokens }: QualitySettings): void {
  const refuse = (path: string, value: number, range: string): never => {
    throw new AppError('config.invalid', `${path} is ${value}; it must be ${range}.`, {
      remedy: `Set ${path} to a value that is ${range}.`,
      details: { path, value },
    });
  };
  if (!(similarity > 0 && similarity <= 1)) refuse('similarity', similarity, 'above 0 and at most 1');
  if (!(evalShare >= 0 && evalShare < 1)) refuse('evalShare', evalShare, 'from 0 to below 1');
  if (!(Number.isSafeInteger(maxTokens) && maxTokens >= 2))
    refuse('maxTokens', maxTokens, 'a whole number of at least 2');
}
