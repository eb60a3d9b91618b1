// Pictures in a real browser: made by a canvas, decoded upright, cropped, resized, stored in the browser's own storage and read
// back from there.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../src/core/database';
import { renderPicture } from '../../src/data/images/render-picture';
import { StoredPictures } from '../../src/data/images/stored-pictures';
import { exifSegment } from '../../src/data/testing/picture-bytes';
import type { BlobStore } from '../../src/lib/storage/blob-store';
import { openBlobStore } from '../../src/lib/storage/open-blob-store';
import type { BackendConfigJson } from '../../src/protocol/backends';
import type { StoredPicture } from '../../src/protocol/pictures';
import type { BackendService } from '../../src/services/backend-service';
import { asBuilt, backendService, buildBackend } from '../../src/services/testing/backend-service-fixture';

const CONFIG: BackendConfigJson = {
  id: 'photos',
  dataset_type: 'image',
  type: 'local',
  instance_data_dir: 'photos',
  resolution: 64,
  caption_strategy: 'filename',
};

const RED = [255, 0, 0];
const BLUE = [0, 0, 255];

/** Red on the left half, blue on the right one. */
async function halves(width: number, height: number, type: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('There is no canvas.');
  context.fillStyle = 'rgb(255 0 0)';
  context.fillRect(0, 0, width / 2, height);
  context.fillStyle = 'rgb(0 0 255)';
  context.fillRect(width / 2, 0, width / 2, height);
  return canvas.convertToBlob({ type, quality: 1 });
}

/** A photo of a camera that was held on its side. */
function turned(jpeg: Blob, orientation: number): Blob {
  return new Blob([jpeg.slice(0, 2), Uint8Array.from(exifSegment(orientation)), jpeg.slice(2)]);
}

async function pixel({ image }: StoredPicture, x: number, y: number): Promise<number[]> {
  const bitmap = await createImageBitmap(image);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d');
  context?.drawImage(bitmap, 0, 0);
  return [...(context?.getImageData(x, y, 1, 1).data ?? [])].slice(0, 3);
}

/** Pictures are stored with a little loss. */
function near(colour: number[], expected: number[]): void {
  const distance = Math.max(...colour.map((value, i) => Math.abs(value - (expected[i] ?? 0))));
  expect(distance, colour.join()).toBeLessThan(24);
}

describe('datasets of pictures in a browser', () => {
  let database: Database;
  let blobs: BlobStore;
  let service: BackendService;

  beforeEach(async () => {
    database = await openDatabase(`pictures-${crypto.randomUUID()}`);
    blobs = await openBlobStore('pictures-test');
    service = backendService({ database, blobs }, { renderPicture });
  });

  afterEach(async () => {
    await blobs.remove('datasets');
    database.close();
    indexedDB.deleteDatabase(database.name);
  });

  async function build(files: Record<string, Blob>, changes: Partial<BackendConfigJson> = {}) {
    await service.saveBackend({ ...CONFIG, ...changes });
    const list = Object.entries(files).map(([name, blob]) =>
      Object.defineProperty(new File([blob], name), 'webkitRelativePath', { value: `photos/${name}` }),
    );
    await service.keepFolder('photos', list);
    const event = asBuilt(await buildBackend(service, 'photos'));
    const pictures = await (await StoredPictures.open(event.dataset, blobs)).page(0, 100);
    return { ...event, pictures };
  }

  it('PNG, JPEG and WebP: each is stored at the size of its bucket, and outlives its source', async () => {
    const { pictures } = await build({
      'a.png': await halves(128, 64, 'image/png'),
      'b.jpg': await halves(64, 64, 'image/jpeg'),
      'c.webp': await halves(64, 192, 'image/webp'),
    });
    expect(pictures.map(({ path, target }) => [path, target.width, target.height])).toEqual([
      ['a.png', 128, 64],
      ['b.jpg', 64, 64],
      ['c.webp', 64, 192],
    ]);
    for (const picture of pictures) {
      const bitmap = await createImageBitmap(picture.image);
      expect(bitmap).toMatchObject(picture.target);
      expect(picture.image.type).toBe('image/webp');
      near(await pixel(picture, 8, 32), RED);
      near(await pixel(picture, picture.target.width - 8, 32), BLUE);
    }
  });

  it('EXIF: a photo that lies on its side is stored upright, and its sizes are the upright ones', async () => {
    const photo = turned(await halves(128, 64, 'image/jpeg'), 6);
    const { pictures } = await build({ 'side.jpg': photo });
    expect(pictures[0]).toMatchObject({ width: 64, height: 128, aspect: 0.5 });
    const [picture] = pictures;
    if (picture === undefined) return;
    // Turned to the right, its left half is on top.
    near(await pixel(picture, 32, 8), RED);
    near(await pixel(picture, 32, 120), BLUE);
  });

  it('crop: the part of the box and no other, enlarged where it has to be', async () => {
    const crop = { crop: true, crop_style: 'corner' };
    const { pictures } = await build({ 'a.png': await halves(256, 64, 'image/png') }, crop);
    expect(pictures[0]?.crop).toEqual({ x: 192, y: 0, width: 64, height: 64 });
    const [picture] = pictures;
    if (picture === undefined) return;
    near(await pixel(picture, 2, 2), BLUE);
    const small = await build({ 'a.png': await halves(16, 8, 'image/png') }, crop);
    expect(small.pictures[0]?.crop).toEqual({ x: 8, y: 0, width: 8, height: 8 });
    expect(small.pictures[0]?.target).toEqual({ width: 64, height: 64 });
  });

  it('a picture that breaks off in its middle is set aside; the others are built', async () => {
    const whole = await halves(64, 64, 'image/png');
    const { pictures, backend } = await build({ 'a.png': whole, 'broken.png': whole.slice(0, 60) });
    expect(pictures.map(({ path }) => path)).toEqual(['a.png']);
    expect(backend.report?.problems).toMatchObject([{ code: 'dataset.bad-picture', file: 'broken.png' }]);
  });
});
