import { describe, expect, it } from 'vitest';
import { hashSeed, uniformAt } from '../../../lib/random';
import { readGgufHeader } from '../../../lib/formats/gguf/gguf-header';
import type { GgufContent } from '../../../lib/formats/gguf/gguf-writer';
import { collectGguf, writeGguf } from '../../../lib/formats/gguf/gguf-writer';
import type { LoraConfig } from '../../../protocol/models';
import type { FileArray } from '../../file-layout';
import { ggufAdapterOf, readGgufAdapter } from './gguf-adapter';
import { LLAMA_FORM } from './gguf-form';
import type { DecoderConfig } from '../decoder-config';
import { adapterShapes } from '../decoder-names';

const CONFIG: DecoderConfig = {
  vocabSize: 10,
  hiddenSize: 24,
  layers: 2,
  heads: 3,
  kvHeads: 1,
  headSize: 8,
  intermediateSize: 20,
  contextLength: 32,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
};
const LORA: LoraConfig = {
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets: ['q', 'k', 'down'],
  useRslora: false,
  useDora: false,
};

function randomArrays(): Map<string, FileArray> {
  const arrays = new Map<string, FileArray>();
  for (const [name, shape] of adapterShapes(CONFIG, LORA)) {
    const size = shape.reduce((product, n) => product * n, 1);
    arrays.set(name, {
      shape,
      data: Float32Array.from({ length: size }, (_, i) => uniformAt(hashSeed(name), i)),
    });
  }
  return arrays;
}

const fileOf = (content: GgufContent): Promise<Blob> => collectGguf(writeGguf('a.gguf', content));
const adapter = (lora = LORA): GgufContent =>
  ggufAdapterOf(CONFIG, { lora, arrays: randomArrays() }, 'tiny', LLAMA_FORM);

describe('gguf adapter', () => {
  it('gguf adapter: what was written is read back, rows of q and k in their order', async () => {
    const read = await readGgufAdapter(await fileOf(adapter()), CONFIG, LLAMA_FORM);
    expect(read.lora).toEqual(LORA);
    expect([...read.arrays]).toEqual([...randomArrays()]);
  });

  it('gguf adapter: names and shapes are those of llama.cpp; only B of q and k has moved rows', async () => {
    const file = await fileOf(adapter());
    const { tensors } = await readGgufHeader(file);
    expect([...tensors].slice(0, 4).map(([name, { shape }]) => [name, shape])).toEqual([
      ['blk.0.attn_q.weight.lora_a', [4, 24]],
      ['blk.0.attn_q.weight.lora_b', [24, 4]],
      ['blk.0.attn_k.weight.lora_a', [4, 24]],
      ['blk.0.attn_k.weight.lora_b', [8, 4]],
    ]);
    const written = adapter().tensors.map(({ name, parts }) => [name, [...(parts() as Float32Array[])][0]]);
    const moved = written.filter(([, data], i) => {
      const original = [...randomArrays().values()][i]?.data;
      return String(data) !== String(original);
    });
    expect(moved.map(([name]) => name)).toEqual(
      ['attn_q', 'attn_k']
        .map((part) => `blk.0.${part}.weight.lora_b`)
        .concat(['attn_q', 'attn_k'].map((part) => `blk.1.${part}.weight.lora_b`)),
    );
  });

  it('gguf adapter: rsLoRA becomes a larger alpha, since alpha is divided by the rank', async () => {
    const read = await readGgufAdapter(
      await fileOf(adapter({ ...LORA, useRslora: true })),
      CONFIG,
      LLAMA_FORM,
    );
    // alpha / sqrt(rank) = 8 / 2 = 4 = 16 / 4.
    expect([read.lora.alpha, read.lora.useRslora]).toEqual([16, false]);
  });

  it('gguf adapter: refuses DoRA, missing arrays, models, other bases', async () => {
    expect(() => adapter({ ...LORA, useDora: true })).toThrow('DoRA');
    expect(() => adapter({ ...LORA, targets: ['v'] })).toThrow('v_proj.lora_A.weight is missing');
    const content = adapter();
    await expect(
      readGgufAdapter(await fileOf(content), { ...CONFIG, headSize: 16 }, LLAMA_FORM),
    ).rejects.toMatchObject({
      code: 'adapter.base-mismatch',
    });
    await expect(
      readGgufAdapter(await fileOf(content), { ...CONFIG, layers: 1 }, LLAMA_FORM),
    ).rejects.toThrow('blk.1.attn_q.weight.lora_a has no place');
    await expect(
      readGgufAdapter(await fileOf(content), { ...CONFIG, layers: 3 }, LLAMA_FORM),
    ).rejects.toThrow('blk.2.attn_q.weight.lora_a is missing');
    const model = new Map(content.metadata);
    model.delete('adapter.type');
    await expect(
      readGgufAdapter(await fileOf({ ...content, metadata: model }), CONFIG, LLAMA_FORM),
    ).rejects.toMatchObject({
      code: 'adapter.bad-config',
    });
  });
});
