// How pictures are prepared for an installed vision encoder: by the file that came with it.
import { PREPROCESSOR_CONFIG } from '../core/model-file-name';
import { readModelFile } from '../core/model-files';
import { readPicturePreprocessing, type PicturePreprocessing } from '../core/picture-preprocessing';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { ModelRecord } from '../protocol/models';

/** @throws AppError `model.unsupported` for a model that reads no pictures. */
export async function readPreprocessing(model: ModelRecord, blobs: BlobStore): Promise<PicturePreprocessing> {
  const file = model.task === 'vision' ? await readModelFile(model, PREPROCESSOR_CONFIG, blobs) : null;
  if (file !== null) return readPicturePreprocessing(JSON.parse(await file.text()));
  throw new AppError('model.unsupported', `${model.name} reads no pictures.`, {
    remedy: 'Import a vision encoder as ONNX, with its preprocessor_config.json.',
    details: { modelId: model.id },
  });
}
