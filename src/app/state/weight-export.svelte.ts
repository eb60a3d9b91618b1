// One export in the making: the formats there are, how far it is, and stopping it. Belongs to the dialog that shows it; the
// file goes to whoever asked.
import type {
  ExportFormat,
  ExportOption,
  ExportTarget,
  FeaturesApi,
  FeaturesStreams,
} from '../../protocol/features';
import type { NamedFile } from '../../protocol/models';
import type { StreamsClient } from '../../rpc/connect';

export type WeightExporter = Pick<FeaturesApi, 'exportOptions'> & StreamsClient<FeaturesStreams>;

export interface ExportProgress {
  file: string;
  bytes: number;
  totalBytes: number;
}

/** Formats of the adapter alone, in the order in which they are offered. */
const ALONE: readonly ExportFormat[] = ['peft', 'gguf-lora', 'elsewhere'];

export class WeightExport {
  readonly #exporter: WeightExporter;
  readonly #target: ExportTarget;
  #options = $state.raw<readonly ExportOption[] | null>(null);
  #progress = $state.raw<ExportProgress | null>(null);
  #abort = $state.raw<AbortController | null>(null);

  constructor(exporter: WeightExporter, target: ExportTarget) {
    this.#exporter = exporter;
    this.#target = target;
  }

  /** null while they are looked up. */
  get options(): readonly ExportOption[] | null {
    return this.#options;
  }

  /** Those of the adapter alone. */
  get alone(): readonly ExportOption[] {
    const options = this.#options ?? [];
    return ALONE.flatMap((format) => options.find((option) => option.format === format) ?? []);
  }

  /** Those of whole models. */
  get whole(): readonly ExportOption[] {
    return (this.#options ?? []).filter(({ format }) => !ALONE.includes(format));
  }

  get running(): boolean {
    return this.#abort !== null;
  }

  /** null until the first report. */
  get progress(): ExportProgress | null {
    return this.#progress;
  }

  async load(): Promise<void> {
    this.#options = await this.#exporter.exportOptions(this.#target);
  }

  /** @returns null where it was stopped. */
  async run(format: ExportFormat): Promise<NamedFile | null> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#progress = null;
    try {
      for await (const event of this.#exporter.exportWeights(this.#target, format, abort.signal)) {
        if (abort.signal.aborted) return null;
        if (event.type === 'outcome') return event.file;
        this.#progress = event;
      }
      return null;
    } catch (error) {
      if (abort.signal.aborted) return null;
      throw error;
    } finally {
      this.#abort = null;
    }
  }

  stop(): void {
    this.#abort?.abort();
  }
}
