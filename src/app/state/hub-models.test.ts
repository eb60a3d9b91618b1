import { describe, expect, test } from 'vitest';
import { AppError } from '../../lib/errors';
import type { HubChoice } from '../../protocol/hub';
import { isOfStorage, modelsOf, precisionIn } from './hub-models';

const gguf = (name: string, quantisation: string | null): HubChoice => ({
  ...{ id: `gguf ${name}`, format: 'gguf', quantisation },
  ...{ files: [], sizeBytes: 1 },
});
const safetensors: HubChoice = {
  ...{ id: 'safetensors', format: 'safetensors', quantisation: null },
  ...{ files: [], sizeBytes: 1 },
};
const idsOf = (choices: HubChoice[]): string[][] => modelsOf(choices).map((set) => set.map(({ id }) => id));

describe('hub models', () => {
  test('hub models: storages of one model are together, whole or in parts, however they are spelt', () => {
    const [small, whole, parts] = [
      gguf('m-Q4_K_M', 'Q4_K_M'),
      gguf('m.q8_0', 'Q8_0'),
      gguf('m-F16-00001-of-00003', 'F16'),
    ];
    expect(idsOf([small, safetensors, whole, parts])).toEqual([
      [small.id, whole.id, parts.id],
      ['safetensors'],
    ]);
  });

  test('hub models: another name is another model', () => {
    expect(idsOf([gguf('m-1b-Q4_0', 'Q4_0'), gguf('m-3b-Q4_0', 'Q4_0'), gguf('m-1b', null)])).toEqual([
      ['gguf m-1b-Q4_0', 'gguf m-1b'],
      ['gguf m-3b-Q4_0'],
    ]);
  });

  test.each([
    ['{"torch_dtype":"bfloat16"}', 'BF16'],
    ['{"dtype":"float16"}', 'F16'],
    ['{"dtype":"float32","torch_dtype":"float16"}', 'F32'],
    ['{"torch_dtype":"float8"}', null],
    ['{"torch_dtype":16}', null],
    ['{}', null],
    ['null', null],
    ['not JSON', null],
  ])('hub models: the weights of %s are stored in %s', (configJson, precision) => {
    expect(precisionIn(configJson)).toBe(precision);
  });

  test('hub models: only a complaint about how a tensor is stored is one about the file', () => {
    const error = (details: Record<string, unknown>, code = 'model.unsupported') =>
      new AppError(code, 'no', { details });
    expect(isOfStorage(error({ tensor: 't', type: 'IQ2_XS' }))).toBe(true);
    expect(isOfStorage(error({ architecture: 'mamba' }))).toBe(false);
    expect(isOfStorage(error({ tensor: 't', type: 'x' }, 'model.truncated'))).toBe(false);
    expect(isOfStorage(new Error('tensor'))).toBe(false);
  });
});
