import { describe, expect, test } from 'vitest';
import type { HubFile } from '../../protocol/hub';
import { findChoices, quantisationOf, requireChoices } from './choose-files';

const file = (path: string, sizeBytes = 10): HubFile => ({
  path,
  sizeBytes,
  checksum: { algorithm: 'sha256', hex: '0'.repeat(64) },
});
const files = (...paths: string[]): HubFile[] => paths.map((path) => file(path));
const pathsOf = (all: HubFile[]): string[][] =>
  findChoices(all).map((choice) => choice.files.map(({ path }) => path));

describe('choose files', () => {
  test('choose files: configuration, tokenizer and weights, nothing else', () => {
    const all = files(
      'README.md',
      'config.json',
      'tokenizer.json',
      'model.safetensors',
      'pytorch_model.bin',
      'onnx/model.onnx',
    );
    expect(pathsOf(all)).toEqual([['config.json', 'tokenizer.json', 'README.md', 'model.safetensors']]);
  });

  test('choose files: all shards with their index', () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const all = files('config.json', 'model.safetensors.index.json', ...shards);
    expect(pathsOf(all)).toEqual([['config.json', 'model.safetensors.index.json', ...shards]]);
  });

  test('choose files: a missing shard is named', () => {
    const all = files('config.json', 'model.safetensors.index.json', 'model-00001-of-00002.safetensors');
    expect(() => requireChoices('a/b', all)).toThrow('model-00002-of-00002.safetensors is missing');
  });

  test('choose files: one choice per GGUF, smallest first; parts are one together, projectors are left out', () => {
    const all = [
      file('m-Q8_0.gguf', 90),
      file('m-Q4_K_M.gguf', 40),
      file('mmproj-F16.gguf', 5),
      file('big/m-F16-00001-of-00002.gguf', 100),
      file('big/m-F16-00002-of-00002.gguf', 100),
    ];
    expect(findChoices(all).map(({ quantisation, sizeBytes }) => [quantisation, sizeBytes])).toEqual([
      ['Q4_K_M', 40],
      ['Q8_0', 90],
      ['F16', 200],
    ]);
  });

  test('choose files: parts of a GGUF come in order with one id; a set that is not whole is no choice', () => {
    const all = files(
      'm-Q8_0-00002-of-00002.gguf',
      'm-Q8_0-00001-of-00002.gguf',
      'm-F16-00001-of-00002.gguf',
    );
    expect(findChoices(all)).toMatchObject([
      {
        id: 'gguf m-Q8_0-00001-of-00002',
        quantisation: 'Q8_0',
        files: [{ path: 'm-Q8_0-00001-of-00002.gguf' }, { path: 'm-Q8_0-00002-of-00002.gguf' }],
      },
    ]);
    expect(() => requireChoices('a/b', files('m-F16-00001-of-00002.gguf'))).toThrow(
      'm-F16-00002-of-00002.gguf is missing',
    );
  });

  test('choose files: the same name whole and in parts are two choices with two ids', () => {
    const all = files(
      'm.gguf',
      'm-00001-of-00001.gguf',
      ...['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'],
    );
    const ids = findChoices(all).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set(['gguf m', 'gguf m-00001-of-00001', 'gguf m-00001-of-00002']));
  });

  test('choose files: a storage that is not read is offered as such, by its name', () => {
    const names = ['IQ2_XXS', 'Q2_K', 'Q3_K_M', 'IQ4_NL', 'TQ1_0', 'Q4_0_4_4', 'MXFP4'];
    const readable = ['Q4_0', 'Q4_K_M', 'Q5_K_S', 'Q6_K', 'Q8_0', 'BF16', 'F16', 'fp32'];
    const flags = (all: string[]): (true | undefined)[] =>
      findChoices(all.map((name) => file(`m-${name}.gguf`))).map(({ unreadable }) => unreadable);
    expect(flags(names)).toEqual(names.map(() => true));
    expect(flags(readable)).toEqual(readable.map(() => undefined));
    expect(flags(['plain'])).toEqual([undefined]);
  });

  test.each([
    ['SmolLM2-135M-Instruct-Q4_K_M', 'Q4_K_M'],
    ['model.f16', 'F16'],
    ['x-IQ2_XXS', 'IQ2_XXS'],
    ['qwen2.5-0.5b-instruct-q5_0', 'Q5_0'],
    ['ggml-model', null],
  ])('choose files: %s is %s', (name, quantisation) => {
    expect(quantisationOf(name)).toBe(quantisation);
  });

  test('choose files: a repository of ONNX alone, one choice for each graph with its weights', () => {
    const all = [
      ...files('config.json', 'tokenizer.json', 'onnx/decoder_model.onnx'),
      ...[file('onnx/decoder_model_merged.onnx', 5), file('onnx/decoder_model_merged.onnx_data', 90)],
      ...[file('onnx/decoder_model_merged_q4.onnx', 40), file('onnx/encoder_model.onnx', 20)],
    ];
    expect(findChoices(all).map(({ id, quantisation, sizeBytes }) => [id, quantisation, sizeBytes])).toEqual([
      ['onnx onnx/decoder_model_merged_q4', 'Q4', 60],
      ['onnx onnx/decoder_model_merged', 'FP32', 115],
    ]);
    // Without a tokenizer none of them can be used.
    expect(findChoices(all.filter(({ path }) => path !== 'tokenizer.json'))).toEqual([]);
  });

  test('choose files: a sentence-embedding model comes as ONNX, with what is beside it', () => {
    const beside = ['config.json', 'tokenizer.json', 'modules.json', '1_Pooling/config.json'];
    const all = files(...beside, 'model.safetensors', 'onnx/model.onnx');
    expect(pathsOf(all)).toContainEqual([...beside, 'onnx/model.onnx']);
  });

  test('choose files: nothing to choose from is an error that says so', () => {
    expect(() => requireChoices('a/b', files('README.md'))).toThrow('has no weights');
  });
});
