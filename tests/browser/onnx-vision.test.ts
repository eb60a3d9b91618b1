// Features of pictures from an ONNX vision encoder: against the same numbers worked out, and from stored pictures to what is
// kept of them, each encoded once.
import { describe, expect, it } from 'vitest';
import { createModelFamilies } from '../../src/models';
import { openDatabase } from '../../src/core/database';
import { readPicturePreprocessing } from '../../src/core/picture-preprocessing';
import { vectorCache } from '../../src/data/caches/page-caches';
import { PictureWriter } from '../../src/data/images/picture-writer';
import { preparePixels } from '../../src/data/images/prepare-pixels';
import { readPixels } from '../../src/data/images/read-pixels';
import { PICTURE_FORMAT } from '../../src/data/images/stored-pictures';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import type { DatasetRecord } from '../../src/protocol/datasets';
import { EncodingPlans } from '../../src/services/encoding-plans';
import { EncodingService } from '../../src/services/encoding-service';
import { graphFiles, importOnnx } from '../support/onnx-models';
import {
  PREPROCESSOR,
  visionDirectory,
  visionReference,
  VISION,
  type VisionForm,
} from '../support/tiny-vision';

const store = () => ({ blobs: new MemoryBlobStore(), families: createModelFamilies() });
const EACH = 3 * VISION.edge ** 2;

async function imported(form: VisionForm = {}) {
  const own = store();
  const record = await importOnnx(own, await visionDirectory(form));
  return { ...own, record };
}

function expectClose(found: ArrayLike<number> | undefined, expected: readonly number[], digits = 4): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(found?.[i]).toBeCloseTo(value, digits));
}

/** A PNG of one colour for each. */
async function colours(...all: string[]): Promise<Blob[]> {
  return Promise.all(
    all.map((colour) => {
      const canvas = new OffscreenCanvas(8, 6);
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('There is no canvas.');
      context.fillStyle = colour;
      context.fillRect(0, 0, 8, 6);
      return canvas.convertToBlob({ type: 'image/png' });
    }),
  );
}

describe('ONNX vision encoders', () => {
  it.each(['pooler_output', 'image_embeds', 'last_hidden_state'] as const)(
    '%s: the numbers of the graph for each picture, however many go in',
    async (output) => {
      const own = await imported({ output });
      expect(own.record).toMatchObject({ format: 'onnx', task: 'vision' });
      const encoder = await graphFiles(own).loadPictureEncoder(own.record);
      const values = Float32Array.from({ length: 3 * EACH }, (_, i) => Math.sin(i));
      const shape = [3, 3, VISION.edge, VISION.edge] as const;
      const { dimensions, vectors } = await encoder.encodePixels({ kind: 'pixels', shape, values });
      expect(dimensions).toBe(VISION.size);
      for (const [i, vector] of vectors.entries())
        expectClose(vector, visionReference(values.subarray(i * EACH, (i + 1) * EACH)));
      encoder.dispose();
    },
  );

  it('import: refused without its preprocessing, or with one of another size', async () => {
    await expect(imported({ preprocessor: null })).rejects.toThrow('preprocessor_config.json');
    const other = { ...PREPROCESSOR, size: { width: 8, height: 8 } };
    await expect(imported({ edge: 4, preprocessor: other })).rejects.toMatchObject({
      code: 'model.unsupported',
      message: expect.stringContaining('8 x 8 pixels, the graph takes 4 x 4') as string,
    });
  });

  it('a vision encoder neither chats nor reads texts', async () => {
    const own = await imported();
    await expect(graphFiles(own).load(own.record)).rejects.toMatchObject({ code: 'model.unsupported' });
    await expect(graphFiles(own).loadEmbedder(own.record)).rejects.toMatchObject({
      code: 'model.unsupported',
    });
  });

  it('a dataset of pictures: prepared, encoded and kept once, the same picture twice counts twice', async () => {
    const { blobs, families, record } = await imported();
    const database = await openDatabase(`vision-${crypto.randomUUID()}`);
    const images = await colours('rgb(255 0 0)', 'rgb(0 128 0)', 'rgb(255 0 0)');
    const dataset = await stored(blobs, images);
    await database.put('datasets', dataset);
    const encoder = await graphFiles({ blobs, families }).loadPictureEncoder(record);
    const asked: number[] = [];
    const data = new EncodingPlans({
      database,
      blobs,
      findModel: () => Promise.resolve(record),
      readPixels,
      vectorsOf: () => Promise.resolve({ cache: vectorCache(database), readOnly: false, compress: false }),
      now: () => 7,
      beat: () => undefined,
    });
    const service = new EncodingService({
      data,
      encode: (_, inputs) => {
        if (inputs.kind !== 'pixels') throw new Error('Pictures come as pixels.');
        asked.push(inputs.shape[0]);
        return encoder.encodePixels(inputs);
      },
      beat: () => undefined,
    });
    const encode = async (): Promise<void> => {
      for await (const event of service.encodeDataset(dataset.id, record.id)) expect(event.total).toBe(3);
    };
    await encode();
    expect(asked.reduce((sum, count) => sum + count, 0)).toBe(2);
    await encode();
    expect(asked.reduce((sum, count) => sum + count, 0)).toBe(2);
    const state = await data.embeddingState(dataset.id, record.id);
    expect(state).toMatchObject({ total: 3, done: 3, dimensions: VISION.size, drift: [] });
    // Red: (1 - 0.5) / 0.5, (0 - 0.25) / 0.25, 0 in the three planes.
    const [red] = images;
    if (red === undefined) return;
    const prepared = preparePixels(await readPixels(red), readPicturePreprocessing(PREPROCESSOR));
    const plane = VISION.edge ** 2;
    expectClose(
      prepared,
      [1, -1, 0].flatMap((value) => new Array<number>(plane).fill(value)),
    );
    await data.clearVectors(dataset.id);
    expect(await data.embeddingState(dataset.id, record.id)).toMatchObject({ done: 0, made: null });
    encoder.dispose();
    database.close();
    indexedDB.deleteDatabase(database.name);
  });
});

async function stored(blobs: MemoryBlobStore, images: readonly Blob[]): Promise<DatasetRecord> {
  const folder = 'datasets/pictures';
  const writer = new PictureWriter(blobs, folder);
  const size = { width: 8, height: 6 };
  const plan = { aspect: 1.33, target: size, crop: { x: 0, y: 0, ...size } };
  for (const [i, image] of images.entries()) await writer.add(`${i}.png`, { size, plan, image }, []);
  const { sizeBytes, pictures } = await writer.finish();
  return {
    ...PICTURE_FORMAT,
    id: 'pictures',
    name: 'Pictures',
    fileNames: [],
    fileType: 'image',
    detected: true,
    reason: '',
    columns: [],
    samples: images.length,
    sizeBytes,
    skipped: {},
    origin: 'imported',
    sampleId: null,
    pictures,
    folder,
    createdAt: 1,
  };
}
