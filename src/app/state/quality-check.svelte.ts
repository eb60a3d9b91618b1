// The check of one dataset: the report of the last one, and the one under way. Leaving the screen stops it.
import type { QualityApi, QualityStreams } from '../../protocol/data';
import type { QualityProgress, QualityReport, QualitySettings } from '../../protocol/quality';

export type QualityClient = Pick<QualityApi, 'qualityReport'> & {
  checkQuality(
    ...args: [...Parameters<QualityStreams['checkQuality']>, signal?: AbortSignal]
  ): ReturnType<QualityStreams['checkQuality']>;
};

export class QualityCheck {
  readonly #client: QualityClient;
  readonly #datasetId: string;
  #report = $state.raw<QualityReport | null>(null);
  #progress = $state.raw<QualityProgress | null>(null);
  #stop = $state.raw<AbortController | null>(null);

  constructor(client: QualityClient, datasetId: string) {
    this.#client = client;
    this.#datasetId = datasetId;
  }

  get report(): QualityReport | null {
    return this.#report;
  }
  get running(): boolean {
    return this.#stop !== null;
  }
  /** Of the check under way, 0 to 1: reading is the first half. */
  get share(): number {
    if (this.#progress === null) return 0;
    const { stage, done, total } = this.#progress;
    return (stage === 'reading' ? 0 : 0.5) + done / Math.max(1, total) / 2;
  }

  async load(): Promise<void> {
    this.#report = await this.#client.qualityReport(this.#datasetId);
  }

  /** Stopped, it keeps the report that was there. */
  async run(settings: QualitySettings): Promise<void> {
    this.stop();
    const stop = new AbortController();
    this.#stop = stop;
    this.#progress = null;
    try {
      for await (const event of this.#client.checkQuality(this.#datasetId, settings, stop.signal)) {
        if (stop.signal.aborted) return;
        if (event.type === 'report') this.#report = event.report;
        else this.#progress = event.progress;
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      if (this.#stop === stop) this.#stop = null;
    }
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
  }
}
