// Pictures from elsewhere: behind the addresses of a table, in a bucket, and in the rows of a hub's dataset.
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { AddressServer } from '../../tests/support/address-server';
import { HubServer } from '../../tests/support/hub-server';
import { S3_KEY, S3_SECRET, S3Server } from '../../tests/support/s3-server';
import type { RenderPicture } from '../data/images/render-picture';
import { StoredPictures } from '../data/images/stored-pictures';
import { memoryData, type MemoryData } from '../data/testing/memory-data';
import { pngHeader } from '../data/testing/picture-bytes';
import type { BackendConfigJson, BackendSecrets } from '../protocol/backends';
import type { StoredPicture } from '../protocol/pictures';
import type { BackendService } from './backend-service';
import { asBuilt, backendService, connectAndBuild } from './testing/backend-service-fixture';

/** For servers that start on a machine with little to spare. */
const PATIENCE_MS = 60_000;

let addresses: AddressServer;
let hub: HubServer;
let s3: S3Server;
let data: MemoryData;
let service: BackendService;

beforeAll(async () => {
  [addresses, hub, s3] = await Promise.all([AddressServer.start(), HubServer.start(), S3Server.start()]);
}, PATIENCE_MS);
afterAll(() => Promise.all([addresses.stop(), hub.stop(), s3.stop()]), PATIENCE_MS);

const renderPicture: RenderPicture = async (picture, planFor) => {
  const view = new DataView(await picture.arrayBuffer());
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  const plan = planFor(size);
  return plan === null ? null : { size, plan, image: new Blob(['x'], { type: 'image/webp' }) };
};

beforeEach(async () => {
  addresses.answers.clear();
  data = await memoryData();
  service = backendService(data, { hubEndpoint: () => Promise.resolve(hub.url), renderPicture });
});

async function build(config: BackendConfigJson, secrets: BackendSecrets = {}) {
  const last = asBuilt(await connectAndBuild(service, config, secrets));
  const pictures = await (await StoredPictures.open(last.dataset, data.blobs)).page(0, 100);
  return { report: last.backend.report, pictures };
}

const shown = (pictures: readonly StoredPicture[]) =>
  pictures.map(({ width, height, captions }) => [width, height, ...captions]).sort();

it('csv: what the addresses give are pictures, with their captions from the table', async () => {
  addresses.answers.set('/a.png', { body: pngHeader(64, 96) });
  // An address needs no ending to be a picture's.
  addresses.answers.set('/photo', { body: pngHeader(128, 64) });
  addresses.answers.set('/page', { body: '<p>No picture</p>' });
  const rows = ['a.png,An anvil', 'photo,Some tongs', 'page,A page', 'gone,Gone'];
  addresses.answers.set('/list.csv', {
    body: `url,title\n${rows.map((row) => `${addresses.url}/${row}`).join('\n')}\n`,
  });
  const { pictures, report } = await build({
    id: 'list',
    dataset_type: 'image',
    type: 'csv',
    csv_file: `${addresses.url}/list.csv`,
    csv_caption_column: 'title',
    csv_cache_dir: 'list',
    caption_strategy: 'csv',
  });
  expect(shown(pictures)).toEqual([
    [128, 64, 'Some tongs'],
    [64, 96, 'An anvil'],
  ]);
  expect(report?.filtering).toMatchObject({ total_processed: 4, not_found: 1, other: 1 });
});

it('aws: objects of a bucket are pictures, with their captions beside them; one that is cut is set aside', async () => {
  await s3.createBucket('smithy');
  await s3.put('smithy', 'photos/a.png', pngHeader(64, 96));
  await s3.put('smithy', 'photos/a.txt', 'An anvil');
  await s3.put('smithy', 'photos/b.png', pngHeader(128, 64));
  await s3.put('smithy', 'photos/b.txt', 'Some tongs');
  await s3.put('smithy', 'photos/cut.png', pngHeader(64, 64).slice(0, 12));
  await s3.put('smithy', 'elsewhere/c.png', pngHeader(64, 64));
  const config = {
    id: 'bucket',
    dataset_type: 'image',
    type: 'aws',
    aws_bucket_name: 'smithy',
    aws_endpoint_url: s3.url,
    aws_data_prefix: 'photos',
    caption_strategy: 'textfile',
  };
  const { pictures, report } = await build(config, {
    aws_access_key_id: S3_KEY,
    aws_secret_access_key: S3_SECRET,
  });
  expect(shown(pictures)).toEqual([
    [128, 64, 'Some tongs'],
    [64, 96, 'An anvil'],
  ]);
  expect(report?.problems).toMatchObject([{ code: 'dataset.bad-picture', file: 'cut.png' }]);
});

const struct = (bytes: Uint8Array | null, path: string) => ({ bytes, path });

function table(pictures: readonly unknown[], captions: readonly string[]): Uint8Array {
  const buffer = parquetWriteBuffer({
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'caption', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'width', type: 'INT32', repetition_type: 'OPTIONAL' },
    ],
    columnData: [
      { name: 'image', data: [...pictures] },
      { name: 'caption', data: [...captions] },
      { name: 'width', data: captions.map((_, i) => 100 * (i + 1)) },
    ],
  });
  return new Uint8Array(buffer);
}

it('huggingface: the bytes of a column are pictures, called by their number, filtered and captioned by their rows', async () => {
  const first = table(
    [struct(pngHeader(64, 96), 'x.png'), struct(null, 'y.png')],
    ['An anvil', 'Without a picture'],
  );
  const second = table(
    [struct(pngHeader(30, 30), 'left-out.png'), struct(pngHeader(96, 64), 'z.png')],
    ['Too narrow', 'Some tongs'],
  );
  const files = { 'default/train/0000.parquet': first, 'default/train/0001.parquet': second };
  hub.add('forge/pictures', files);
  const config = {
    id: 'hub',
    dataset_type: 'image',
    type: 'huggingface',
    dataset_name: 'forge/pictures',
    resolution: 64,
  };
  const { pictures, report } = await build(config);
  expect(pictures.map(({ path, captions }) => [path, ...captions])).toEqual([
    ['0.jpg', 'An anvil'],
    ['2.jpg', 'Too narrow'],
    ['3.jpg', 'Some tongs'],
  ]);
  expect(report?.problems).toMatchObject([{ file: '1.jpg', message: 'It has no picture in its row.' }]);
  const filtered = await build({ ...config, filter_func: { min_width: 150 }, max_num_samples: 1 });
  expect(filtered.pictures).toHaveLength(1);
  expect(filtered.report?.filtering).toMatchObject({ filtered: 2 });
});

it('huggingface: a column that is not there is named, with those that are', async () => {
  hub.add('forge/pictures', { 'default/train/0000.parquet': table([struct(pngHeader(9, 9), 'x')], ['x']) });
  const config = { id: 'hub', dataset_type: 'image', type: 'huggingface', dataset_name: 'forge/pictures' };
  await expect(build({ ...config, image_column: 'photo' })).rejects.toThrow(
    'has no column \\"photo\\" with pictures',
  );
});
