import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../lib/formats/safetensors';
import { uniformAt } from '../../lib/random';
import type { ModelFamily, ModelRecord } from '../../protocol/models';
import { createModelFamilies } from '../families';
import type { FileArray } from '../file-layout';
import { TINY_CONFIG_JSON } from '../testing/tiny-decoders';
import { readPeftAdapter } from '.';

const base = { id: 'b', name: 'Base', fingerprint: 'abc' } as ModelRecord;
const JSON_OF = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };

const arrayOf = (seed: number, ...shape: number[]): FileArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => uniformAt(seed, i) - 0.5),
});

/** Side paths of both layers. @param nameOf a module, by its layer. */
function sides(
  nameOf: (layer: number) => string,
  out: number,
  { rank = 2, infix = '' } = {},
): Map<string, FileArray> {
  return new Map(
    [0, 1].flatMap((layer): [string, FileArray][] => [
      [`${nameOf(layer)}.lora_A${infix}.weight`, arrayOf(layer, rank, 32)],
      [`${nameOf(layer)}.lora_B${infix}.weight`, arrayOf(layer + 2, out, rank)],
    ]),
  );
}
const queries = (prefix: string, infix = '') =>
  sides((layer) => `${prefix}layers.${layer}.self_attn.q_proj`, 32, { infix });

const read = (
  family: ModelFamily,
  arrays: ReadonlyMap<string, FileArray>,
  more: Record<string, unknown> = {},
) =>
  readPeftAdapter(
    JSON.stringify({ ...JSON_OF, ...more }),
    writeSafetensors(arrays),
    base,
    createModelFamilies().plan(TINY_CONFIG_JSON[family]).plan,
  );

/** Two matrices as floats of 64 bits, scaled. */
function product(arrays: ReadonlyMap<string, FileArray>, path: string, scale: number): number[] {
  const [a, b] = [arrays.get(`${path}.lora_A.weight`), arrays.get(`${path}.lora_B.weight`)];
  const [out = 0, rank = 0] = b?.shape ?? [];
  const width = a?.shape[1] ?? 0;
  const result: number[] = [];
  for (let row = 0; row < out; row += 1) {
    for (let column = 0; column < width; column += 1) {
      let sum = 0;
      for (let r = 0; r < rank; r += 1)
        sum += (b?.data[row * rank + r] ?? 0) * (a?.data[r * width + column] ?? 0);
      result.push(scale * sum);
    }
  }
  return result;
}

describe('PEFT adapters as people have them', () => {
  it('readPeftAdapter: files that are as they are stored stay as they are', async () => {
    expect(await read('llama', queries('base_model.model.model.'))).toEqual({
      lora: { rank: 2, alpha: 4, dropout: 0, targets: ['q'], useRslora: false, useDora: false },
      arrays: null,
    });
  });

  it.each([
    ['without a prefix', 'model.', ''],
    ['of a model without its head', 'base_model.model.', ''],
    ['of a compiled model', 'base_model.model._orig_mod.model.', ''],
    ['of a text model within another', 'base_model.model.model.language_model.', ''],
    ['of a text model before its model', 'base_model.model.language_model.model.', ''],
    [
      'of a model on several devices',
      '_fsdp_wrapped_module.base_model.model.model._fsdp_wrapped_module.',
      '',
    ],
    ['with the adapter’s name', 'base_model.model.model.', '.my-adapter'],
  ])('readPeftAdapter: names %s are understood', async (_, prefix, infix) => {
    const { lora, arrays } = await read('llama', queries(prefix, infix));
    expect(lora.targets).toEqual(['q']);
    if (prefix !== 'model.') expect(arrays).toEqual(queries('model.'));
  });

  it.each([['all-linear'], ['.*\\\\.(q_proj|v_proj)$'], [null]])(
    'readPeftAdapter: target_modules %s: what was trained is told by the arrays',
    async (modules) => {
      const values = sides((layer) => `base_model.model.model.layers.${layer}.self_attn.v_proj`, 16);
      const arrays = new Map([...queries('base_model.model.model.'), ...values]);
      const { lora, arrays: changed } = await read('llama', arrays, { target_modules: modules });
      expect([lora.targets, changed]).toEqual([['q', 'v'], null]);
    },
  );

  it('readPeftAdapter: names of other families among target_modules change nothing', async () => {
    const modules = ['q_proj', 'query_key_value', 'c_attn', 'lm_head'];
    expect(
      (await read('llama', queries('base_model.model.model.'), { target_modules: modules })).lora.targets,
    ).toEqual(['q']);
  });

  it('readPeftAdapter: a smaller rank of the same scale is filled up, and adds the same', async () => {
    const path = 'model.layers.1.self_attn.v_proj';
    const values = sides((layer) => `model.layers.${layer}.self_attn.v_proj`, 16, { rank: 1 });
    const given = new Map([...queries('model.'), ...values]);
    const more = { rank_pattern: { v_proj: 1 }, alpha_pattern: { 'self_attn.v_proj': 2 } };
    const { lora, arrays } = await read('llama', given, { ...more, target_modules: ['q_proj', 'v_proj'] });
    expect(lora).toMatchObject({ rank: 2, alpha: 4, targets: ['q', 'v'] });
    expect(arrays?.get(`${path}.lora_A.weight`)?.shape).toEqual([2, 32]);
    expect(product(arrays ?? new Map(), path, 2)).toEqual(product(given, path, 2));
    // A row of A beside a column of zeros can still learn.
    expect(
      arrays
        ?.get(`${path}.lora_A.weight`)
        ?.data.subarray(32)
        .some((value) => value !== 0),
    ).toBe(true);
  });

  it('readPeftAdapter: patterns that say the same scale in rsLoRA', async () => {
    const values = sides((layer) => `model.layers.${layer}.self_attn.v_proj`, 16, { rank: 4 });
    const given = new Map([...queries('model.'), ...values]);
    const more = { use_rslora: true, rank_pattern: { v_proj: 4 }, alpha_pattern: { v_proj: 4 * Math.SQRT2 } };
    const { lora } = await read('llama', given, { ...more, target_modules: ['q_proj', 'v_proj'] });
    expect(lora.rank).toBe(4);
    expect(lora.alpha).toBeCloseTo(4 * Math.SQRT2, 12);
    expect(lora.useRslora).toBe(true);
  });

  it.each([
    ['phi3', 'base_model.model.model.layers', 'self_attn.qkv_proj'],
    ['gpt2', 'base_model.model.transformer.h', 'attn.c_attn'],
    ['gpt2', 'base_model.model.h', 'attn.c_attn'],
  ] as const)(
    'readPeftAdapter: %s: every part of a module has its A and its rows of B',
    async (family, prefix, module) => {
      const given = sides((layer) => `${prefix}.${layer}.${module}`, 96);
      const { lora, arrays } = await read(family, given, {
        ...{ target_modules: [module.split('.')[1]], fan_in_fan_out: family === 'gpt2' },
      });
      expect(lora).toMatchObject({ rank: 2, alpha: 4, targets: ['q', 'k', 'v'] });
      const whole = product(given, `${prefix}.1.${module}`, 1);
      const parts = ['q', 'k', 'v'].flatMap((part) =>
        product(arrays ?? new Map(), `model.layers.1.self_attn.${part}_proj`, 1),
      );
      expect(parts).toEqual(whole);
    },
  );

  it('readPeftAdapter: a base that keeps projections in one module takes adapters of each of them too', async () => {
    const { lora, arrays } = await read('phi3', queries('base_model.model.model.'));
    expect([lora.targets, arrays]).toEqual([['q'], null]);
  });
});
