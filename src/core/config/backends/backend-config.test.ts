import { describe, expect, it } from 'vitest';
import { hasCode } from '../../../lib/errors';
import type { BackendConfigJson } from '../../../protocol/backends';
import { backendConfig } from './backend-config';
import { checkConfig } from './check-config';

type Settings = Readonly<Record<string, unknown>>;

const folder = { id: 'notes', instance_data_dir: 'notes' };
const bucket = { id: 'notes', type: 'aws', aws_bucket_name: 'b', aws_endpoint_url: 'https://s3.example' };
const table = { id: 'notes', type: 'csv', csv_file: 'a.csv', csv_caption_column: 'text' };
const hub = { id: 'notes', type: 'huggingface', dataset_name: 'owner/name' };
const pictures = { ...folder, dataset_type: 'image' };
const cache = { id: 'cache', dataset_type: 'text_embeds' };

function completed(settings: BackendConfigJson): Settings {
  return { ...backendConfig(settings) };
}

function problemsOf(settings: Settings): Record<string, string> {
  const { problems } = checkConfig(settings, '');
  return Object.fromEntries(problems.map(({ path, message }) => [path, message]));
}

function warningsOf(settings: Settings): Record<string, string> {
  const { warnings } = checkConfig(settings, '');
  return Object.fromEntries(warnings.map(({ path, message }) => [path, message]));
}

describe('backendConfig: defaults', () => {
  it.each<[string, BackendConfigJson, unknown]>([
    ['dataset_type', folder, 'text'],
    ['type', folder, 'local'],
    ['disabled', folder, false],
    ['write_batch_size', folder, 128],
    ['compress_cache', folder, false],
    ['preserve_data_backend_cache', folder, false],
    ['metadata_update_interval', folder, 65],
    ['skip_file_discovery', folder, new Set()],
    ['metadata_backend', folder, 'discovery'],
    ['metadata_backend', { ...folder, metadata_backend: 'json' }, 'discovery'],
    ['metadata_backend', hub, 'huggingface'],
    ['caption_strategy', folder, undefined],
    ['caption_strategy', table, 'csv'],
    ['caption_strategy', hub, undefined],
    ['caption_strategy', { ...hub, caption_column: 'text' }, 'huggingface'],
    ['caption_strategy', { ...hub, dataset_type: 'image' }, 'huggingface'],
    ['split', { ...hub, huggingface: { split: 'test' } }, 'test'],
    ['split', { ...hub, split: 'train', huggingface: { split: 'test' } }, 'train'],
    ['caption_dropout_probability', pictures, 0.1],
    ['caption_dropout_probability', folder, undefined],
    ['probability', folder, 1],
    ['probability', { ...folder, probability: null }, 1],
    ['probability', { ...folder, probability: '' }, 1],
    ['probability', { ...folder, probability: 0 }, 0],
    ['repeats', folder, 0],
    ['start_epoch', folder, 1],
    ['start_epoch', { ...folder, start_epoch: 'soon' }, 1],
    ['start_epoch', { ...folder, start_epoch: 0 }, 1],
    ['start_step', folder, 0],
    ['start_step', { ...folder, start_step: -2 }, 0],
    ['end_epoch', folder, null],
    ['end_epoch', { ...folder, end_epoch: 0 }, null],
    ['end_step', { ...folder, end_step: -1 }, null],
    ['end_step', { ...folder, end_step: 'late' }, null],
    ['end_step', { ...folder, end_step: 300 }, 300],
    ['train_batch_size', folder, undefined],
    ['train_batch_size', { ...folder, dataset_type: 'eval' }, 1],
    ['train_batch_size', { ...folder, dataset_type: 'eval', train_batch_size: 4 }, 1],
    ['max_num_samples', folder, undefined],
    ['length_buckets', folder, [64, 128, 256, 512]],
    ['truncation_mode', folder, 'beginning'],
    ['text_encoder_batch_size', folder, 1],
    ['text_cache_ondemand', folder, false],
    ['text_cache_disable', folder, false],
    ['text_cache_ondemand', { ...folder, text_cache_disable: true }, true],
    ['vae_cache_ondemand', pictures, false],
    ['vae_cache_ondemand', { ...pictures, vae_cache_disable: true }, true],
    ['vae_cache_clear_each_epoch', pictures, false],
    ['vae_cache_clear_each_epoch', { ...pictures, crop: true }, true],
    ['vae_cache_clear_each_epoch', { ...pictures, crop: true, crop_style: 'center' }, false],
    [
      'vae_cache_clear_each_epoch',
      { ...pictures, crop: true, crop_style: 'center', crop_aspect: 'random', crop_aspect_buckets: [1] },
      true,
    ],
    ['crop', pictures, false],
    ['crop_aspect', pictures, 'square'],
    ['crop_style', pictures, 'random'],
    ['resolution_type', pictures, 'pixel'],
    ['resolution_type', { ...pictures, resolution_type: 'pixel_area' }, 'area'],
    ['resolution', { ...pictures, resolution_type: 'pixel_area', resolution: 1000 }, 1],
    [
      'maximum_image_size',
      {
        ...pictures,
        resolution_type: 'pixel_area',
        maximum_image_size: 2000,
        target_downsample_size: 1.5,
      },
      4,
    ],
    ['default', cache, false],
    ['memory_budget_mb', { ...cache, type: 'memory' }, 256],
    ['aws_region_name', bucket, 'auto'],
    ['aws_data_prefix', bucket, ''],
    ['max_pool_connections', bucket, 128],
    ['csv_url_column', table, 'url'],
    ['split', hub, 'train'],
    ['num_proc', hub, 16],
    ['auto_load', hub, false],
  ])('%s of %j is %j', (key, settings, expected) => {
    expect(completed(settings)[key]).toEqual(expected);
  });

  it('fills sections too', () => {
    expect(completed({ ...folder, caption_shuffle: {} })['caption_shuffle']).toEqual({
      enable: false,
      count: 1,
      split_on: 'comma',
      position_start: 0,
      include_original: true,
    });
  });

  it('reads the words of skip_file_discovery as a set', () => {
    expect(completed({ ...folder, skip_file_discovery: 'vae, text' })['skip_file_discovery']).toEqual(
      new Set(['vae', 'text']),
    );
  });

  it('trims and lowers the kind and the place', () => {
    expect(completed({ ...folder, dataset_type: ' Text ', type: 'LOCAL' })).toMatchObject({
      dataset_type: 'text',
      type: 'local',
    });
  });

  it('names every problem in its error', () => {
    const broken = { id: 'notes', repeats: -1, type: 'aws' };
    expect(() => backendConfig(broken)).toThrow(/Backend "notes": .* \(and 2 more\)/);
    try {
      backendConfig(broken);
    } catch (error) {
      expect(hasCode(error, 'config.invalid')).toBe(true);
      expect(error).toMatchObject({ remedy: expect.stringContaining('aws_bucket_name') as string });
    }
  });
});

describe('checkConfig: problems', () => {
  it.each<[Settings, string, string | RegExp]>([
    [{ instance_data_dir: 'n' }, 'id', 'id is missing.'],
    [{ ...folder, id: ' ' }, 'id', /not empty/],
    [{ ...folder, dataset_type: 'video' }, 'dataset_type', /Supported: text, eval/],
    [{ ...folder, type: 'webshart' }, 'type', /Supported: local, aws, csv, huggingface, memory/],
    [{ ...table, dataset_type: 'caption' }, 'type', 'type csv cannot hold dataset_type caption.'],
    [{ ...table, dataset_type: 'text_embeds' }, 'type', 'type csv cannot hold dataset_type text_embeds.'],
    [{ ...table, dataset_type: 'image_embeds' }, 'type', 'type csv cannot hold dataset_type image_embeds.'],
    [{ ...folder, type: 'memory' }, 'type', 'type memory cannot hold dataset_type text.'],
    [{ ...folder, train_batch_size: true }, 'train_batch_size', /of at least 1: true/],
    [{ ...folder, train_batch_size: '04' }, 'train_batch_size', /of at least 1: "04"/],
    [{ ...folder, train_batch_size: 0 }, 'train_batch_size', /of at least 1: 0/],
    [{ ...folder, probability: -1 }, 'probability', /at least 0: -1/],
    [{ ...folder, repeats: 0.5 }, 'repeats', /whole number/],
    [{ ...folder, write_batch_size: 0 }, 'write_batch_size', /at least 1/],
    [{ ...folder, metadata_update_interval: 59 }, 'metadata_update_interval', /at least 60: 59/],
    [{ ...folder, max_num_samples: 0 }, 'max_num_samples', /at least 1/],
    [{ ...folder, skip_file_discovery: 'vae meta' }, 'skip_file_discovery', /vae, metadata, aspect, text/],
    [{ ...folder, length_buckets: [64, 64] }, 'length_buckets', /larger than the one before/],
    [{ ...folder, truncation_mode: 'middle' }, 'truncation_mode', /beginning, end, random: "middle"/],
    [{ ...folder, minimum_token_length: 9, maximum_token_length: 8 }, 'minimum_token_length', /9 and 8/],
    [{ ...folder, end_epoch: 1, start_epoch: 2 }, 'end_epoch', 'end_epoch is before start_epoch: 1 and 2.'],
    [{ ...folder, end_step: 9, start_step: 10 }, 'end_step', 'end_step is before start_step: 9 and 10.'],
    [{ ...folder, metadata_backend: 'discovry' }, 'metadata_backend', /one of discovery, parquet/],
    [{ ...folder, metadata_backend: 'parquet' }, 'parquet', /needs a parquet block/],
    [
      { ...folder, metadata_backend: 'parquet', parquet: { path: 'a.json', width_column: 'w' } },
      'parquet.width_column',
      /width_column needs the other one/,
    ],
    [
      { ...folder, metadata_backend: 'parquet', parquet: { path: 'a.txt' } },
      'parquet.path',
      /\.parquet, \.jsonl/,
    ],
    [{ ...folder, metadata_backend: 'huggingface' }, 'metadata_backend', /only for type huggingface/],
    [{ ...hub, metadata_backend: 'discovery' }, 'metadata_backend', /needs metadata_backend huggingface/],
    [{ ...folder, caption_strategy: 'parquet' }, 'caption_strategy', /needs metadata_backend parquet/],
    [{ ...folder, caption_strategy: 'csv' }, 'caption_strategy', /only for type csv/],
    [{ ...folder, caption_strategy: 'huggingface' }, 'caption_strategy', /only for type huggingface/],
    [
      { ...table, caption_strategy: 'filename' },
      'caption_strategy',
      /needs caption_strategy csv: "filename"/,
    ],
    [{ ...hub, caption_strategy: 'textfile' }, 'caption_strategy', /huggingface or instanceprompt/],
    [{ ...folder, caption_strategy: 'instanceprompt' }, 'instance_prompt', /needs an instance_prompt/],
    [{ ...folder, prepend_instance_prompt: true }, 'prepend_instance_prompt', /needs an instance_prompt/],
    [{ ...folder, only_instance_prompt: true }, 'only_instance_prompt', /needs an instance_prompt/],
    [{ ...folder, caption_shuffle: 3 }, 'caption_shuffle', /a list of settings by name/],
    [
      { ...folder, caption_shuffle: { split_on: 'dash' } },
      'caption_shuffle.split_on',
      /comma, space, period/,
    ],
    [{ ...folder, caption_shuffle: { count: 0 } }, 'caption_shuffle.count', /at least 1/],
    [{ ...folder, caption_shuffle: { position_start: -1 } }, 'caption_shuffle.position_start', /at least 0/],
    [{ ...pictures, caption_dropout_probability: 2 }, 'caption_dropout_probability', /from 0 to 1/],
    [{ ...folder, caption_filter_list: [] }, 'caption_filter_list', /not a setting of this kind/],
    [{ ...cache, caption_filter_list: 'words.csv' }, 'caption_filter_list', /\.txt or \.json/],
    [{ ...folder, disable_vae_cache: true }, 'disable_vae_cache', /old name/],
    [{ ...pictures, maximum_image_size: 1024 }, 'target_downsample_size', /beside it/],
    [{ ...pictures, target_downsample_size: 1024 }, 'maximum_image_size', /beside it/],
    [
      { ...pictures, resolution_type: 'area', maximum_image_size: 20, target_downsample_size: 1 },
      'maximum_image_size',
      /below 20 megapixels: 20/,
    ],
    [
      { ...pictures, maximum_image_size: 1024, target_downsample_size: 511 },
      'target_downsample_size',
      /at least 512 pixels: 511/,
    ],
    [{ ...pictures, crop_aspect: 'random' }, 'crop_aspect_buckets', /random needs/],
    [{ ...pictures, crop_aspect: 'closest' }, 'crop_aspect_buckets', /closest needs/],
    [{ ...pictures, crop_aspect_buckets: [1, 'wide'] }, 'crop_aspect_buckets[1]', /an aspect_bucket/],
    [{ ...pictures, max_upscale_threshold: 1.5 }, 'max_upscale_threshold', /from 0 to 1/],
    [{ ...pictures, minimum_aspect_ratio: 2, maximum_aspect_ratio: 1 }, 'minimum_aspect_ratio', /2 and 1/],
    [{ id: 'a', type: 'aws', aws_endpoint_url: 'https://s3.example' }, 'aws_bucket_name', /is missing/],
    [{ id: 'a', type: 'aws', aws_bucket_name: 'b' }, 'aws_endpoint_url', /is missing/],
    [{ ...bucket, aws_endpoint_url: 's3.example' }, 'aws_endpoint_url', /begins with https/],
    [{ ...bucket, aws_endpoint_url: 'https://me:hush@s3.example' }, 'aws_endpoint_url', /a password\.$/],
    [{ ...bucket, max_pool_connections: 0 }, 'max_pool_connections', /at least 1/],
    [{ ...table, csv_file: undefined }, 'csv_file', /csv_file/],
    [{ id: 'a', type: 'csv', csv_file: 'a' }, 'csv_caption_column', /is missing/],
    [{ id: 'a', type: 'huggingface' }, 'dataset_name', /is missing/],
    [
      { ...hub, filter_func: { quality_thresholds: { a: 'b' } } },
      'filter_func.quality_thresholds.a',
      /a number/,
    ],
    [{ ...folder, repeat: 1 }, 'repeat', 'repeat is not a setting.'],
    [{ ...folder, crop: true }, 'crop', /not a setting of this kind/],
    [{ ...folder, csv_file: 'a' }, 'csv_file', /not a setting of this kind/],
    [{ ...folder, mapping: { promt: 'q' } }, 'mapping.promt', /not a setting/],
  ])('%j: %s', (settings, path, message) => {
    const problems = problemsOf(settings);
    expect(Object.keys(problems)).toContain(path);
    expect(problems[path]).toMatch(message);
  });

  it('an image pair of edges under pixel_area may be above 20', () => {
    const sizes = { maximum_image_size: 1024, target_downsample_size: 768 };
    expect(problemsOf({ ...pictures, ...sizes, resolution_type: 'pixel_area' })).toEqual({});
  });

  it('end_step before the default beginning is no error', () => {
    expect(problemsOf({ ...folder, end_step: 1 })).toEqual({});
  });

  it('suggests the name that was meant, or where the setting belongs', () => {
    const remedies = checkConfig({ ...folder, repeat: 1, crop: true, csv_file: 'a' }, '').problems;
    expect(remedies.map(({ remedy }) => remedy)).toEqual([
      'Did you mean "repeats"?',
      'Remove it; it belongs to dataset_type image.',
      'Remove it; it belongs to type csv.',
    ]);
  });

  it('tells every problem of settings whose place is not known', () => {
    expect(Object.keys(problemsOf({ id: 'a', type: 'zip', repeats: -1, csv_file: 3 }))).toEqual([
      'type',
      'repeats',
      'csv_file',
    ]);
  });

  it('a setting named __proto__ is refused like any other', () => {
    const settings = JSON.parse('{"id":"a","instance_data_dir":"n","__proto__":{"repeats":3}}') as Settings;
    expect(Object.keys(problemsOf(settings))).toEqual(['__proto__']);
  });
});

describe('checkConfig: warnings', () => {
  it.each<[Settings, string, RegExp]>([
    [{ ...folder, hash_filenames: false }, 'hash_filenames', /always on/],
    [{ ...folder, ignore_epochs: true }, 'ignore_epochs', /deprecated/],
    [{ ...folder, cache_dir: '/c' }, 'cache_dir', /no effect here: caches lie/],
    [{ ...pictures, delete_unwanted_images: true }, 'delete_unwanted_images', /no file of yours/],
    [{ ...pictures, delete_problematic_images: true }, 'delete_problematic_images', /no file of yours/],
    [{ ...folder, video: { num_frames: 5 } }, 'video', /no effect here/],
    [
      { ...pictures, metadata_backend: 'parquet', parquet: { path: 'a.parquet', fps_column: 'fps' } },
      'parquet.fps_column',
      /no effect here/,
    ],
    [{ ...folder, metadata_backend: 'filesystem' }, 'metadata_backend', /deprecated/],
    [{ ...pictures, caption_dropout_probability: 0 }, 'caption_dropout_probability', /is 0/],
    [{ ...folder, start_epoch: 'soon' }, 'start_epoch', /"soon"\. 1 is used/],
    [{ ...folder, start_step: -1 }, 'start_step', /0 is used/],
    [{ ...folder, end_step: 'late' }, 'end_step', /has no end/],
    [{ ...folder, dataset_type: 'eval', train_batch_size: 8 }, 'train_batch_size', /always 1/],
  ])('%j: %s', (settings, path, message) => {
    expect(warningsOf(settings)[path]).toMatch(message);
    expect(problemsOf(settings)).toEqual({});
  });

  it('an end of 0 means none and is not worth a word', () => {
    expect(warningsOf({ ...folder, end_step: 0, end_epoch: null })).toEqual({});
  });
});

describe('backendConfig: places of plugins', () => {
  it('takes the settings that a plugin adds and refuses others', async () => {
    const v = await import('valibot');
    const plugins = [{ type: 'wiki', entries: { wiki_page: v.string('a text') } }];
    expect(backendConfig({ id: 'w', type: 'wiki', wiki_page: 'Oak' }, plugins)).toMatchObject({
      type: 'wiki',
      wiki_page: 'Oak',
      repeats: 0,
    });
    expect(() => backendConfig({ id: 'w', type: 'wiki', wiki_pag: 'Oak' }, plugins)).toThrow(/wiki_pag/);
  });
});
