import { beforeEach, describe, expect, it } from 'vitest';
import type { RenderPicture } from '../data/images/render-picture';
import { StoredPictures } from '../data/images/stored-pictures';
import { memoryData, type MemoryData } from '../data/testing/memory-data';
import { pngHeader } from '../data/testing/picture-bytes';
import { AppError } from '../lib/errors';
import type { BackendBuildEvent, BackendConfigJson } from '../protocol/backends';
import type { BackendService } from './backend-service';
import { findTexts } from './data-service';
import { asBuilt, backendService, buildBackend } from './testing/backend-service-fixture';

const CONFIG: BackendConfigJson = {
  id: 'photos',
  dataset_type: 'image',
  type: 'local',
  instance_data_dir: 'photos',
  resolution: 64,
};

/** Node's files do not say where they were. */
const file = (name: string, content: BlobPart): File =>
  Object.assign(new File([content], name, { lastModified: 5 }), { webkitRelativePath: `photos/${name}` });
const png = (name: string, width: number, height: number): File => file(name, pngHeader(width, height));

/** Draws nothing: what it stores tells the plan. A picture of 13 pixels' width cannot be decoded. */
const renderPicture: RenderPicture = async (picture, planFor) => {
  const view = new DataView(await picture.arrayBuffer());
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  if (size.width === 13) throw new AppError('dataset.bad-picture', 'It cannot be decoded: bad luck.');
  const plan = planFor(size);
  return plan === null
    ? null
    : { size, plan, image: new Blob([JSON.stringify(plan.target)], { type: 'image/webp' }) };
};

describe('datasets of pictures', () => {
  let data: MemoryData;
  let service: BackendService;
  let forgotten: string[];

  beforeEach(async () => {
    data = await memoryData();
    forgotten = [];
    service = backendService(data, {
      renderPicture,
      plans: { forgetDataset: (id) => void forgotten.push(id) },
    });
  });

  async function last(changes: Partial<BackendConfigJson>, files: File[]): Promise<BackendBuildEvent> {
    await service.saveBackend({ ...CONFIG, ...changes });
    await service.keepFolder('photos', files);
    return buildBackend(service, 'photos');
  }

  async function built(files: File[], changes: Partial<BackendConfigJson> = {}) {
    const event = asBuilt(await last(changes, files));
    return { ...event, pictures: await (await StoredPictures.open(event.dataset, data.blobs)).page(0, 1000) };
  }

  it('build: pictures in the order of their paths, each with its size, bucket, crop and captions', async () => {
    const files = [png('b_tall_oak.png', 64, 128), png('A/wide.PNG', 192, 64), file('notes.txt', 'none')];
    const { dataset, pictures, backend } = await built(files, { caption_strategy: 'filename' });
    expect(pictures.map(({ image: _, ...picture }) => picture)).toEqual([
      {
        index: 0,
        path: 'A/wide.PNG',
        width: 192,
        height: 64,
        aspect: 3,
        target: { width: 192, height: 64 },
        crop: { x: 0, y: 0, width: 192, height: 64 },
        captions: ['wide'],
      },
      {
        index: 1,
        path: 'b_tall_oak.png',
        width: 64,
        height: 128,
        aspect: 0.5,
        target: { width: 64, height: 128 },
        crop: { x: 0, y: 0, width: 64, height: 128 },
        captions: ['b tall oak'],
      },
    ]);
    expect(await pictures[1]?.image.text()).toBe('{"width":64,"height":128}');
    expect(pictures[1]?.image.type).toBe('image/webp');
    expect(dataset).toMatchObject({
      name: 'photos',
      backendId: 'photos',
      fileType: 'image',
      samples: 2,
      pictures: {
        buckets: [
          { aspect: 0.5, count: 1 },
          { aspect: 3, count: 1 },
        ],
        captioned: 2,
      },
    });
    expect(backend.report).toMatchObject({
      lengthUnit: 'aspect',
      buckets: { '0.50': 1, '3.00': 1 },
      filtering: { total_processed: 2 },
      nextSteps: [],
    });
    expect(backend.report?.stages.map(({ name, count }) => [name, count])).toEqual([
      ['discover', 2],
      ['read', 2],
      ['filter', 2],
      ['store', 2],
    ]);
  });

  it('build: what cannot be used is set aside with its reason, and the others are built', async () => {
    const files = [
      png('good.png', 64, 64),
      png('undecodable.png', 13, 13),
      png('bomb.png', 50_000, 50_000),
      png('small.png', 10, 10),
      png('strip.png', 64, 640),
      file('empty.jpg', ''),
      file('text.png', 'not a picture at all, just words'),
    ];
    const { backend, dataset } = await built(files, { minimum_image_size: 12, minimum_aspect_ratio: 0.5 });
    expect(dataset.samples).toBe(1);
    expect(dataset.skipped).toEqual({ other: 4, too_small: 1, aspect: 1 });
    expect(backend.report?.filtering).toMatchObject({
      total_processed: 7,
      too_small: 1,
      aspect: 1,
      other: 4,
    });
    const { problems = [], nextSteps } = backend.report ?? {};
    expect(problems.map(({ code, file: path }) => [code, path])).toEqual(
      ['bomb.png', 'empty.jpg', 'text.png', 'undecodable.png'].map((path) => ['dataset.bad-picture', path]),
    );
    expect(problems[0]?.message).toMatch(/too large/);
    expect(nextSteps?.join(' ')).toMatch(/minimum_image_size.*minimum_aspect_ratio/);
  });

  it('build: captions beside the pictures; one without is left out as not found', async () => {
    const files = [
      png('a.png', 64, 64),
      file('a.txt', 'An anvil.\nA hammer.'),
      png('b.png', 64, 64),
      png('c.png', 64, 64),
      file('c.txt', '  '),
    ];
    const { pictures, backend } = await built(files, { caption_strategy: 'textfile' });
    expect(pictures.map(({ path, captions }) => [path, captions])).toEqual([
      ['a.png', ['An anvil.', 'A hammer.']],
    ]);
    expect(backend.report?.filtering).toMatchObject({ not_found: 1, metadata_missing: 1 });
    expect(backend.report?.problems.map(({ file: path }) => path)).toEqual(['b.png', 'c.png']);
  });

  it('build: captions from a table that tells about the files', async () => {
    const files = [
      png('a.png', 64, 64),
      png('b.png', 64, 64),
      file('about.jsonl', '{"filename":"a","say":"An anvil."}\n{"filename":"z","say":"None."}'),
    ];
    const { pictures, backend } = await built(files, {
      caption_strategy: 'parquet',
      metadata_backend: 'parquet',
      parquet: { path: 'about.jsonl', caption_column: 'say' },
    });
    expect(pictures.map(({ captions }) => captions)).toEqual([['An anvil.']]);
    expect(backend.report?.filtering).toMatchObject({ metadata_missing: 1 });
  });

  it('build: what a table says is too small is left out before it is looked at', async () => {
    // The file itself is no picture: it would be set aside.
    const files = [
      png('a.png', 64, 64),
      file('b.png', 'nothing'),
      file('about.jsonl', '{"filename":"a","w":64,"h":64}\n{"filename":"b","w":8,"h":64}'),
    ];
    const { pictures, backend } = await built(files, {
      minimum_image_size: 16,
      metadata_backend: 'parquet',
      parquet: { path: 'about.jsonl', width_column: 'w', height_column: 'h' },
    });
    expect(pictures.map(({ path }) => path)).toEqual(['a.png']);
    expect(backend.report?.filtering).toMatchObject({ too_small: 1, other: 0 });
    expect(backend.report?.problems).toEqual([]);
  });

  it('build: without a strategy there are no captions; an instance prompt is the caption of all', async () => {
    expect((await built([png('a.png', 64, 64)])).pictures[0]?.captions).toEqual([]);
    const prompted = await built([png('a.png', 64, 64)], {
      caption_strategy: 'instanceprompt',
      instance_prompt: 'a forge',
    });
    expect(prompted.pictures[0]?.captions).toEqual(['a forge']);
    expect(prompted.dataset.pictures?.captioned).toBe(1);
  });

  it('build: max_num_samples takes some by chance, always the same ones, and counts usable ones only', async () => {
    const files = Array.from({ length: 40 }, (_, i) => png(`${i}.png`, i % 2 === 0 ? 64 : 13, 64));
    const first = await built(files, { max_num_samples: 5 });
    const paths = first.pictures.map(({ path }) => path);
    expect(paths).toHaveLength(5);
    expect(paths).not.toEqual(['0.png', '10.png', '12.png', '14.png', '16.png']);
    const again = await built(files.toReversed(), { max_num_samples: 5 });
    expect(again.pictures.map(({ path }) => path)).toEqual(paths);
  });

  it('build: again replaces the dataset under the same id, and what was stored before goes', async () => {
    const first = await built([png('a.png', 64, 64)]);
    const second = await built([png('b.png', 64, 64)]);
    expect(new Set(forgotten)).toEqual(new Set([first.dataset.id]));
    expect(second.dataset.id).toBe(first.dataset.id);
    expect(second.pictures.map(({ path }) => path)).toEqual(['b.png']);
    expect(await data.blobs.list(first.dataset.folder)).toEqual([]);
  });

  it('build: where nothing is usable what was built stays, and the report says what to do', async () => {
    const first = await built([png('a.png', 64, 64)]);
    const event = await last({ minimum_image_size: 512 }, [png('a.png', 64, 64)]);
    expect(event.type).toBe('refused');
    if (event.type !== 'refused') return;
    expect(event.report.problems[0]?.message).toMatch(/produced no usable samples.*too_small 1/);
    expect(await (await StoredPictures.open(first.dataset, data.blobs)).page(0, 9)).toHaveLength(1);
    expect(await data.blobs.list('datasets')).toHaveLength(4);
  });

  it('test: shows the first pictures with sizes and captions, and what is broken', async () => {
    await service.keepFolder('photos', [png('a.png', 64, 32), file('b.png', ''), file('b.txt', 'x')]);
    const preview = await service.testBackend({ ...CONFIG, caption_strategy: 'filename' }, {});
    expect(preview).toMatchObject({
      files: 2,
      more: false,
      rows: [
        { path: 'a.png', size: '64 x 32', caption: 'a' },
        { path: 'b.png', size: 'is empty (0 bytes).', caption: 'b' },
      ],
    });
  });

  it('rescan: tells which pictures came and went', async () => {
    await built([png('a.png', 64, 64), png('b.png', 64, 64)]);
    await service.keepFolder('photos', [png('b.png', 64, 64), png('c.png', 64, 64), file('c.txt', 'x')]);
    expect(await service.rescanBackend('photos', {})).toMatchObject({
      added: ['c.png'],
      removed: ['a.png'],
      changed: [],
    });
  });

  it('drift: how pictures are cropped is told, since it is done when they are read', async () => {
    await built([png('a.png', 64, 64)]);
    const sizes = { maximum_image_size: 1024, target_downsample_size: 512 };
    await service.saveBackend({ ...CONFIG, ...sizes, probability: 3 });
    const drift = await service.backendDrift('photos');
    expect(drift.map(({ key }) => key)).toEqual(['maximum_image_size', 'target_downsample_size']);
  });

  it('training: a dataset of pictures is refused, by name', async () => {
    const { dataset } = await built([png('a.png', 64, 64)]);
    await expect(findTexts(data.database, dataset.id)).rejects.toMatchObject({
      code: 'dataset.pictures',
      message: expect.stringContaining('"photos" holds pictures') as string,
    });
    expect(dataset.training).toBeUndefined();
  });
});
