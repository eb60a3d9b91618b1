// What is done with an opened backend by what it holds, texts or pictures: shown, listed, built into a dataset.
import type { Database } from '../core/database';
import type { DataBackend } from '../data/backends/data-backend';
import { buildDataset, type BuildDependencies } from '../data/builders/build-dataset';
import { buildPictures, type PictureBuildRequest } from '../data/builders/build-pictures';
import { buildSettings, type BuildSettings } from '../data/builders/build-settings';
import { holdsPictures, type BuildableConfig } from '../data/builders/buildable-config';
import { listFiles } from '../data/builders/discover-files';
import { pictureBuildSettings } from '../data/builders/picture-build-settings';
import { previewBackend } from '../data/builders/preview-backend';
import { previewPictures } from '../data/builders/preview-pictures';
import { storeOf } from '../data/caches/dataset-cache';
import type { ExampleEncoder } from '../data/examples/example-encoder';
import type { RenderPicture } from '../data/images/render-picture';
import type { FileSnapshot } from '../data/metadata/file-snapshot';
import { wordsOf } from '../data/quality/sample-text';
import type { BackendBuildEvent, BackendPreview } from '../protocol/backends';
import type { Sample } from '../protocol/datasets';

export interface DatasetBuilderParts extends BuildDependencies {
  database: Database;
  /** Counts tokens where a configuration limits them. */
  encoder: () => Promise<ExampleEncoder>;
  /** Decodes and draws pictures: the browser's, where there is one. */
  renderPicture: RenderPicture;
}

type GivenBuild = Pick<PictureBuildRequest, 'record' | 'source' | 'before'>;

export class DatasetBuilder {
  readonly #parts: DatasetBuilderParts;

  constructor(parts: DatasetBuilderParts) {
    this.#parts = parts;
  }

  /** @throws AppError as the backend's calls, `config.invalid`. */
  async preview(source: DataBackend, config: BuildableConfig): Promise<BackendPreview> {
    const filters = await this.#captionFilters(config);
    return holdsPictures(config)
      ? previewPictures(source, await pictureBuildSettings(config, source, filters))
      : previewBackend(source, await buildSettings(config, source, filters));
  }

  /** The files that a dataset would be built of. Errors as `preview`. */
  async list(source: DataBackend, config: BuildableConfig): Promise<FileSnapshot> {
    const filters = await this.#captionFilters(config);
    const settings = await (holdsPictures(config)
      ? pictureBuildSettings(config, source, filters)
      : buildSettings(config, source, filters));
    let files: FileSnapshot = [];
    for await (files of listFiles(source, settings));
    return files;
  }

  /** @throws AppError as `buildDataset` and `buildPictures`. */
  async *build(
    given: GivenBuild,
    config: BuildableConfig,
    signal?: AbortSignal,
  ): AsyncGenerator<BackendBuildEvent> {
    const filters = await this.#captionFilters(config);
    if (holdsPictures(config)) {
      const settings = await pictureBuildSettings(config, given.source, filters, signal);
      yield* buildPictures({ ...given, settings }, this.#parts, signal);
      return;
    }
    const settings = await buildSettings(config, given.source, filters, signal);
    const request = { ...given, settings, ...(await this.#lengths(settings)) };
    yield* buildDataset(request, this.#parts, signal);
  }

  /** Filters of captions are the store's that the backend names, or the default one's. */
  async #captionFilters(config: BuildableConfig): Promise<unknown> {
    const records = await this.#parts.database.getAll('backends');
    const store = storeOf(
      config,
      records.map((record) => record.config),
      'text_embeds',
    );
    return store?.['caption_filter_list'];
  }

  async #lengths({ limitsTokens }: BuildSettings) {
    if (!limitsTokens) {
      const lengthOf = (sample: Sample): number => wordsOf(sample).length;
      return { lengthOf, lengthUnit: 'characters' as const };
    }
    const encoder = await this.#parts.encoder();
    const lengthOf = (sample: Sample): number => {
      const example = encoder.encode(sample, 'all');
      return typeof example === 'string' ? 0 : example.ids.length;
    };
    return { lengthOf, lengthUnit: 'tokens' as const };
  }
}
