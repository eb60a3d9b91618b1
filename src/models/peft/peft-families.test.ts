import { describe, expect, it } from 'vitest';
import { collectGguf, writeGguf } from '../../lib/formats/gguf/gguf-writer';
import { readSafetensor, readSafetensorsHeader } from '../../lib/formats/safetensors';
import { Random } from '../../lib/random';
import type { LoraConfig, LoraTarget, ModelFamily, ModelRecord, NamedFile } from '../../protocol/models';
import { projections } from '../decoder/decoder-names';
import { ggufAdapterOf } from '../decoder/gguf/gguf-adapter';
import { randomWeights } from '../decoder/random-weights';
import { mergedReader } from '../export/merged-reader';
import { createModelFamilies } from '../families';
import type { FileArray, WeightReader } from '../file-layout';
import { TINY_CONFIG_JSON } from '../testing/tiny-decoders';
import { encodeAdapter, inspectAdapter, peftFiles, peftModules } from '.';

const FAMILIES = Object.keys(TINY_CONFIG_JSON) as ModelFamily[];
const FUSED = ['phi3', 'gpt2'] as const;
const base = { id: 'b', name: 'Base', fingerprint: 'abc' } as ModelRecord;

const VARIANTS: [string, Partial<LoraConfig>][] = [
  ['LoRA', {}],
  ['rsLoRA', { useRslora: true }],
  ['DoRA', { useDora: true }],
  ['DoRA with the rank-stabilised scale', { useDora: true, useRslora: true }],
];

function open(family: ModelFamily) {
  const opened = createModelFamilies().plan(TINY_CONFIG_JSON[family]);
  const weights = randomWeights(opened.plan.decoder, 3);
  const read: WeightReader = (name) => Promise.resolve(weights.get(name) as FileArray);
  const all = projections(opened.plan.decoder);
  return { ...opened, read, all, files: opened.plan.fileReader(read) };
}

type Opened = ReturnType<typeof open>;

function adapterFor({ plan }: Opened, targets: LoraTarget[], variant: Partial<LoraConfig> = {}) {
  const lora: LoraConfig = {
    rank: 3,
    alpha: 5,
    dropout: 0,
    targets,
    useRslora: false,
    useDora: false,
    ...variant,
  };
  const random = new Random(7);
  const arrays = new Map<string, FileArray>();
  for (const [name, shape] of plan.adapterShapes(lora)) {
    const size = shape.reduce((product, n) => product * n, 1);
    const least = name.endsWith('magnitude_vector') ? 2 : 0;
    arrays.set(name, {
      shape,
      data: Float32Array.from({ length: size }, () => least + 0.3 * random.normal()),
    });
  }
  return { lora, arrays };
}

const exported = ({ plan, read }: Opened, adapter: ReturnType<typeof adapterFor>) =>
  peftFiles(plan, adapter, base, () => Promise.resolve(read));

async function jsonOf(files: readonly NamedFile[]): Promise<Record<string, unknown>> {
  const config = files.find(({ name }) => name === 'adapter_config.json');
  return JSON.parse((await config?.blob.text()) ?? '{}') as Record<string, unknown>;
}

async function arraysOf(files: readonly NamedFile[]): Promise<Map<string, FileArray>> {
  const blob = files.find(({ name }) => name === 'adapter_model.safetensors')?.blob ?? new Blob();
  const arrays = new Map<string, FileArray>();
  for (const [name, entry] of (await readSafetensorsHeader(blob)).tensors) {
    arrays.set(name, await readSafetensor(blob, entry));
  }
  return arrays;
}

/** By PEFT's own rules (lora/model.py, lora/layer.py, lora/dora.py), in 64 bits: the weights of the file with the adapter merged. */
async function mergedByPeft(opened: Opened, files: readonly NamedFile[]): Promise<Map<string, number[]>> {
  const json = await jsonOf(files);
  const arrays = await arraysOf(files);
  const result = new Map<string, number[]>();
  for (const [name, a] of arrays) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const path = name.slice('base_model.model.'.length, -'.lora_A.weight'.length);
    const isTarget = (json['target_modules'] as string[]).some((end) => path.endsWith(`.${end}`));
    expect(isTarget, path).toBe(true);
    const patternOf = (key: string, usual: unknown): number => {
      const entries = Object.entries((json[key] ?? {}) as Record<string, number>);
      return entries.find(([end]) => new RegExp(`^(.*\\.)?(${end})$`).test(path))?.[1] ?? (usual as number);
    };
    const [rank, alpha] = [
      patternOf('rank_pattern', json['r']),
      patternOf('alpha_pattern', json['lora_alpha']),
    ];
    expect(a.shape[0], path).toBe(rank);
    const scale = alpha / (json['use_rslora'] === true ? Math.sqrt(rank) : rank);
    const b = arrays.get(`base_model.model.${path}.lora_B.weight`) as FileArray;
    const m = arrays.get(`base_model.model.${path}.lora_magnitude_vector`);
    const { shape, data } = await opened.files(`${path}.weight`);
    const [rows = 0] = b.shape;
    const columns = a.shape[1] ?? 0;
    expect(shape).toEqual(json['fan_in_fan_out'] === true ? [columns, rows] : [rows, columns]);
    const at = (row: number, column: number): number =>
      (json['fan_in_fan_out'] === true ? data[column * rows + row] : data[row * columns + column]) ?? 0;
    const merged: number[] = [];
    for (let row = 0; row < rows; row += 1) {
      const sums = Array.from({ length: columns }, (_, column) => {
        let sum = 0;
        for (let r = 0; r < rank; r += 1)
          sum += (b.data[row * rank + r] ?? 0) * (a.data[r * columns + column] ?? 0);
        return at(row, column) + scale * sum;
      });
      const length = Math.hypot(...sums);
      const factor = json['use_dora'] === true ? (m?.data[row] ?? NaN) / length : 1;
      merged.push(...sums.map((value) => value * factor));
    }
    result.set(`${path}.weight`, merged);
  }
  return result;
}

/** By our own merge, projection by projection; [out, in] whatever the file has. */
async function mergedHere(
  opened: Opened,
  adapter: ReturnType<typeof adapterFor>,
): Promise<Map<string, number[]>> {
  const read = mergedReader(opened.read, adapter);
  const result = new Map<string, number[]>();
  for (const { path, parts } of opened.plan.adapterModules()) {
    const rows: number[] = [];
    for (const part of parts) rows.push(...(await read(`${part.path}.weight`)).data);
    if (parts.some(({ target }) => adapter.lora.targets.includes(target))) result.set(`${path}.weight`, rows);
  }
  return result;
}

function expectClose(actual: Map<string, number[]>, expected: Map<string, number[]>): void {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, values] of expected) {
    const other = actual.get(name) ?? [];
    expect(other.length, name).toBe(values.length);
    const worst = Math.max(...values.map((value, i) => Math.abs(value - (other[i] ?? NaN))));
    expect(worst, name).toBeLessThan(2e-6);
  }
}

describe('PEFT of all families', () => {
  it.each(FAMILIES.flatMap((family) => VARIANTS.map(([what, variant]) => [family, what, variant] as const)))(
    'peft: %s, %s: what PEFT merges is what is merged here, and the adapter comes back as it was',
    async (family, _, variant) => {
      const opened = open(family);
      const adapter = adapterFor(opened, opened.all, variant);
      const { files } = await exported(opened, adapter);
      expectClose(await mergedByPeft(opened, files), await mergedHere(opened, adapter));
      const { lora, files: stored } = await inspectAdapter(files, base, opened);
      expect(lora).toEqual(adapter.lora);
      expect(await arraysOf(stored)).toEqual(await arraysOf(encodeAdapter(adapter.arrays, lora, base)));
    },
  );

  it.each([
    ['phi3', ['q', 'v', 'up']],
    ['phi3', ['k', 'o']],
    ['gpt2', ['v', 'up']],
    ['gpt2', ['q', 'k', 'down']],
  ] as [ModelFamily, LoraTarget[]][])(
    'peft: %s with %s alone: the other rows of the module stay, also with DoRA',
    async (family, targets) => {
      const opened = open(family);
      const plain = adapterFor(opened, targets, { useRslora: true });
      const { files } = await exported(opened, plain);
      expectClose(await mergedByPeft(opened, files), await mergedHere(opened, plain));
      const back = await inspectAdapter(files, base, opened);
      expect(back.lora).toEqual(plain.lora);
      expect(await arraysOf(back.files)).toEqual(
        await arraysOf(encodeAdapter(plain.arrays, plain.lora, base)),
      );
      const dora = adapterFor(opened, targets, { useDora: true });
      expectClose(
        await mergedByPeft(opened, (await exported(opened, dora)).files),
        await mergedHere(opened, dora),
      );
    },
  );

  it.each(FUSED)(
    'peft: %s: an adapter of the module itself is each projection’s, and leaves as it came',
    async (family) => {
      const opened = open(family);
      const module = opened.plan.adapterModules().filter(({ kind }) => /qkv_proj|c_attn/.test(kind));
      const random = new Random(9);
      const arrayOf = (...shape: number[]): FileArray => ({
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      });
      const arrays = new Map<string, FileArray>();
      for (const { path, parts, in: width } of module) {
        arrays.set(`${path}.lora_A.weight`, arrayOf(4, width));
        arrays.set(
          `${path}.lora_B.weight`,
          arrayOf(
            parts.reduce((sum, { rows }) => sum + rows, 0),
            4,
          ),
        );
      }
      const lora: LoraConfig = {
        rank: 4,
        alpha: 6,
        dropout: 0.1,
        targets: [],
        useRslora: false,
        useDora: false,
      };
      const written = {
        names: ['unused'],
        transposed: false,
        rank: 4,
        alpha: 6,
        rankPattern: {},
        alphaPattern: {},
      };
      const files = encodeAdapter(arrays, lora, base, written);
      const { lora: read, files: stored } = await inspectAdapter(files, base, opened);
      expect(read).toEqual({ ...lora, targets: ['q', 'k', 'v'] });
      const own = new Map([...(await arraysOf(stored))].map(([name, array]) => [name.slice(17), array]));
      const again = await exported(opened, { lora: read, arrays: own });
      expect(await arraysOf(again.files)).toEqual(await arraysOf(files));
      expect(again.rank).toBe(4);
      expectClose(
        await mergedByPeft(opened, again.files),
        await mergedHere(opened, { lora: read, arrays: own }),
      );
    },
  );

  it('peft: modules are named as the family has them, and no name is another’s end', async () => {
    const namesOf = (family: ModelFamily, targets: LoraTarget[]) =>
      peftModules(open(family).plan, { targets });
    expect(namesOf('llama', ['q', 'down'])).toEqual({ names: ['q_proj', 'down_proj'], asStored: true });
    expect(namesOf('phi3', ['q', 'v', 'down'])).toEqual({
      names: ['qkv_proj', 'down_proj'],
      asStored: false,
    });
    expect(namesOf('gpt2', ['q', 'o', 'up', 'down']).names).toEqual([
      'c_attn',
      'attn.c_proj',
      'c_fc',
      'mlp.c_proj',
    ]);
    expect(namesOf('phi3', ['o', 'down']).asStored).toBe(true);
    const gpt2 = open('gpt2');
    const json = await jsonOf((await exported(gpt2, adapterFor(gpt2, ['q', 'k', 'o']))).files);
    expect(json).toMatchObject({
      ...{ r: 3, lora_alpha: 5, target_modules: ['c_attn', 'attn.c_proj'], fan_in_fan_out: true },
      ...{ rank_pattern: { c_attn: 6 }, alpha_pattern: { c_attn: 10 } },
    });
    const name = 'base_model.model.transformer.h.1.attn.c_attn.lora_B.weight';
    const arrays = await arraysOf((await exported(gpt2, adapterFor(gpt2, ['q']))).files);
    expect(arrays.get(name)?.shape).toEqual([96, 3]);
  });

  it.each(FAMILIES)('gguf: %s: a GGUF adapter comes in as what it was', async (family) => {
    const opened = open(family);
    const adapter = adapterFor(opened, opened.all);
    const { lora, files } = await inspectAdapter([await asGguf(opened, adapter)], base, opened);
    expect(lora).toEqual(adapter.lora);
    expect(await arraysOf(files)).toEqual(await arraysOf(encodeAdapter(adapter.arrays, lora, base)));
    // Its alpha has 32 bits.
    const stable = adapterFor(opened, opened.all.slice(1), { useRslora: true });
    const back = await inspectAdapter([await asGguf(opened, stable)], base, opened);
    const own = new Map([...(await arraysOf(back.files))].map(([name, array]) => [name.slice(17), array]));
    expectClose(await mergedHere(opened, { lora: back.lora, arrays: own }), await mergedHere(opened, stable));
  });

  it('gguf: alpha 0 is no scaling, as llama.cpp has it', async () => {
    const opened = open('llama');
    const { lora, arrays } = adapterFor(opened, ['q', 'k']);
    const file = await asGguf(opened, { lora: { ...lora, alpha: 0 }, arrays });
    expect((await inspectAdapter([file], base, opened)).lora).toEqual({ ...lora, rank: 3, alpha: 3 });
  });
});

async function asGguf({ plan, family }: Opened, adapter: ReturnType<typeof adapterFor>): Promise<NamedFile> {
  const content = ggufAdapterOf(plan.decoder, adapter, 'side', family.gguf);
  return { name: 'side-lora.gguf', blob: await collectGguf(writeGguf('side-lora.gguf', content)) };
}
