// Exports in standard formats: which there are for a model or an adapter and how large they get, and the making of one as a
// stream of progress that ends with the file. Code that knows models is loaded when the first is asked for.
import type { Database } from '../../core/database';
import { AppError } from '../../lib/errors';
import type { StreamedFile } from '../../lib/formats/streamed-file';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { ExportSource } from '../../models/export';
import type { ErrorCode } from '../../protocol/errors';
import {
  EXPORT_FORMATS,
  type ExportEvent,
  type ExportFormat,
  type ExportOption,
  type ExportTarget,
} from '../../protocol/features';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import { datasetBytes, elsewhereFiles } from './elsewhere-bundle';
import { peftWithCard } from './export-adapter';
import { fileNameOf } from './file-name';
import { packFiles } from './pack-files';
import { blobFile } from '../../lib/formats/streamed-file';

export interface ExportStores {
  database: Database;
  blobs: BlobStore;
}

/** Formats that are of an adapter and need one. */
const ADAPTER_FORMATS: readonly ExportFormat[] = ['gguf-lora', 'peft', 'elsewhere'];

interface Opened {
  model: ModelRecord;
  adapter: AdapterRecord | null;
  source: ExportSource;
}

export class WeightExports {
  readonly #stores: ExportStores;

  constructor(stores: ExportStores) {
    this.#stores = stores;
  }

  /** @throws AppError `model.unknown`, `adapter.unknown`, and what opening a model's files throws. */
  async options(target: ExportTarget): Promise<ExportOption[]> {
    const opened = await this.#open(target);
    const formats = EXPORT_FORMATS.filter(
      (format) => opened.adapter !== null || !ADAPTER_FORMATS.includes(format),
    );
    return Promise.all(formats.map((format) => this.#option(opened, format)));
  }

  /** @throws AppError as `options`, and `model.unsupported` where the format has no place for something of the model. */
  async *run(target: ExportTarget, format: ExportFormat): AsyncGenerator<ExportEvent, void> {
    const opened = await this.#open(target);
    const files = await this.#files(opened, format);
    yield* packFiles(files, `${baseNameOf(opened, format)}.zip`);
  }

  async #option(opened: Opened, format: ExportFormat): Promise<ExportOption> {
    const { adapter, model } = opened;
    try {
      if (adapter !== null && (format === 'peft' || format === 'elsewhere')) {
        const { files } = await peftWithCard(adapter, model, this.#stores.blobs);
        const bytes = files.reduce((sum, { blob }) => sum + blob.size, 0);
        const more = format === 'elsewhere' ? await datasetBytes(adapter, this.#stores.database) : 0;
        return { format, bytes: bytes + more };
      }
      const files = await this.#files(opened, format);
      const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
      return { format, bytes };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { format, refusal: { code: error.code as ErrorCode, message: error.message } };
    }
  }

  async #open({ modelId, adapterId }: ExportTarget): Promise<Opened> {
    const { database, blobs } = this.#stores;
    const model = await database.get('models', modelId);
    if (model === undefined) throw unknown('model.unknown', 'model', modelId);
    const adapter = adapterId === null ? null : await database.get('adapters', adapterId);
    if (adapter === undefined) throw unknown('adapter.unknown', 'adapter', adapterId ?? '');
    const [{ openExportSource }, { createModelFamilies }] = await Promise.all([
      import('../../models/export'),
      import('../../models/families'),
    ]);
    const source = await openExportSource({ blobs, families: createModelFamilies() }, model, adapter);
    return { model, adapter, source };
  }

  /** @throws AppError `internal` for a format of adapters without one. */
  async #files({ model, adapter, source }: Opened, format: ExportFormat): Promise<StreamedFile[]> {
    const { adapterFile, exportFiles } = await import('../../models/export');
    if (format !== 'gguf-lora' && format !== 'peft' && format !== 'elsewhere') {
      return exportFiles(source, format, baseNameOf({ model, adapter }, null));
    }
    if (adapter === null) throw new AppError('internal', `${format} needs an adapter.`);
    switch (format) {
      case 'gguf-lora':
        return [adapterFile(source, fileNameOf(adapter.name, 'adapter'))];
      case 'peft':
        return (await peftWithCard(adapter, model, this.#stores.blobs)).files.map(({ name, blob }) =>
          blobFile(name, blob),
        );
      case 'elsewhere':
        return elsewhereFiles(adapter, model, source.chatTemplate !== null, this.#stores);
    }
  }
}

/** @param format part of the name, where the name's ending does not tell. */
function baseNameOf(
  { model, adapter }: Pick<Opened, 'model' | 'adapter'>,
  format: ExportFormat | null,
): string {
  const title =
    adapter === null ? model.name : format === 'peft' ? adapter.name : `${model.name}-${adapter.name}`;
  const name = fileNameOf(title, 'model');
  return format === null || format === 'peft' ? name : `${name}-${format}`;
}

function unknown(code: 'model.unknown' | 'adapter.unknown', kind: string, id: string): AppError {
  return new AppError(code, `There is no ${kind} "${id}".`, {
    details: { id },
    remedy: 'It may have been deleted in another tab; reload the page.',
  });
}
