import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import type { ModelFamily } from '../../protocol/models';
import { TINY_CONFIG_JSON } from '../testing/tiny-decoders';
import { elementCount } from '../model-family';
import type { FileArray, WeightReader } from '../file-layout';
import { collectGguf, writeGguf } from '../../lib/formats/gguf/gguf-writer';
import { ggufMetadataOf } from '../decoder/gguf/gguf-config';
import { ggufTensorsOf, openGguf } from '../decoder/gguf/gguf-weights';
import { writeSafetensors } from '../../lib/formats/safetensors';
import { weightShapes } from '../decoder/decoder-names';
import { selfTestWeights } from '../self-test';
import { openWeights } from '../weights-file';
import { createModelFamilies } from './index';

const families = createModelFamilies();
const FAMILIES = Object.keys(TINY_CONFIG_JSON) as ModelFamily[];

/** config.json of published models, and how many weights these have. */
const PUBLISHED: [string, Record<string, unknown>, number][] = [
  [
    'SmolLM2-135M',
    {
      architectures: ['LlamaForCausalLM'],
      ...{ vocab_size: 49_152, hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 30 },
      ...{ num_attention_heads: 9, num_key_value_heads: 3, max_position_embeddings: 8192 },
      ...{ rms_norm_eps: 1e-5, rope_theta: 100_000, tie_word_embeddings: true, eos_token_id: 0 },
    },
    134_515_008,
  ],
  [
    'Qwen2.5-0.5B',
    {
      architectures: ['Qwen2ForCausalLM'],
      ...{ vocab_size: 151_936, hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 24 },
      ...{ num_attention_heads: 14, num_key_value_heads: 2, max_position_embeddings: 32_768 },
      ...{ rms_norm_eps: 1e-6, rope_theta: 1_000_000, tie_word_embeddings: true },
      ...{ use_sliding_window: false, sliding_window: 32_768, max_window_layers: 24 },
    },
    494_032_768,
  ],
  [
    'Qwen3-0.6B',
    {
      architectures: ['Qwen3ForCausalLM'],
      ...{ vocab_size: 151_936, hidden_size: 1024, intermediate_size: 3072, num_hidden_layers: 28 },
      ...{ num_attention_heads: 16, num_key_value_heads: 8, head_dim: 128, max_position_embeddings: 40_960 },
      ...{ rms_norm_eps: 1e-6, rope_theta: 1_000_000, tie_word_embeddings: true, attention_bias: false },
      ...{ use_sliding_window: false, sliding_window: null, max_window_layers: 28 },
    },
    596_049_920,
  ],
  [
    'gemma-3-270m',
    {
      architectures: ['Gemma3ForCausalLM'],
      ...{ vocab_size: 262_144, hidden_size: 640, intermediate_size: 2048, num_hidden_layers: 18 },
      ...{ num_attention_heads: 4, num_key_value_heads: 1, head_dim: 256, max_position_embeddings: 32_768 },
      ...{ rms_norm_eps: 1e-6, rope_theta: 1_000_000, rope_local_base_freq: 10_000, sliding_window: 512 },
      ...{ query_pre_attn_scalar: 256, hidden_activation: 'gelu_pytorch_tanh', attention_bias: false },
      ...{ attn_logit_softcapping: null, final_logit_softcapping: null, rope_scaling: null },
    },
    268_098_176,
  ],
  [
    'Phi-3-mini-4k',
    {
      architectures: ['Phi3ForCausalLM'],
      ...{ vocab_size: 32_064, hidden_size: 3072, intermediate_size: 8192, num_hidden_layers: 32 },
      ...{ num_attention_heads: 32, num_key_value_heads: 32, max_position_embeddings: 4096 },
      ...{ rms_norm_eps: 1e-5, rope_theta: 10_000, tie_word_embeddings: false, sliding_window: 2047 },
    },
    3_821_079_552,
  ],
  [
    'GPT-2',
    {
      architectures: ['GPT2LMHeadModel'],
      ...{ vocab_size: 50_257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024, n_ctx: 1024 },
      ...{ activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, eos_token_id: 50_256 },
    },
    124_439_808,
  ],
];

function randomFile(shapes: ReadonlyMap<string, number[]>): Map<string, FileArray> {
  const random = new Random(3);
  return new Map(
    [...shapes].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: Float32Array.from({ length: size }, () => random.normal()) }];
    }),
  );
}

/** Whole arrays, or rows of them where these are asked for. */
const readerOf =
  (arrays: ReadonlyMap<string, FileArray>): WeightReader =>
  (name, rows) => {
    const array = arrays.get(name);
    if (array === undefined) throw new Error(`${name} is not in the file.`);
    if (rows === undefined) return Promise.resolve(array);
    const width = array.data.length / (array.shape[0] ?? 1);
    const data = array.data.slice(rows.first * width, (rows.first + rows.count) * width);
    return Promise.resolve({ shape: [rows.count, ...array.shape.slice(1)], data });
  };

describe('families', () => {
  it.each(PUBLISHED)('%s: as many weights as were published', (_, configJson, parameters) => {
    const { plan } = families.plan(configJson);
    expect(elementCount(plan.weightShapes())).toBe(parameters);
  });

  it.each(FAMILIES)('%s: the files are read and written back as they were, by rows too', async (family) => {
    const { plan } = families.plan(TINY_CONFIG_JSON[family]);
    const files = randomFile(plan.weightShapes());
    const written = plan.fileReader(plan.decoderReader(readerOf(files)));
    for (const [name, array] of files) {
      const { shape, data } = await written(name);
      expect([name, shape]).toEqual([name, array.shape]);
      expect(Math.max(...data.map((value, i) => Math.abs(value - (array.data[i] ?? NaN))))).toBeLessThan(
        3e-7,
      );
    }
    const name = [...files.keys()].find((other) => /(up|gate_up|c_fc)/.test(other)) ?? '';
    const part = await written(name, { first: 5, count: 3 });
    const whole = await written(name);
    const width = whole.data.length / (whole.shape[0] ?? 1);
    const isWhole = part.shape[0] === whole.shape[0];
    expect(part.data).toEqual(isWhole ? whole.data : whole.data.slice(5 * width, 8 * width));
  });

  it.each(FAMILIES)('%s: what is said to lie in the files as it is lies there', async (family) => {
    const { plan } = families.plan(TINY_CONFIG_JSON[family]);
    const blob = writeSafetensors(randomFile(plan.weightShapes()));
    const files = [{ name: 'model.safetensors', blob }];
    const { read } = await openWeights({ files, fileOf: null }, plan.weightShapes());
    const decoder = plan.decoderReader(read);
    const others: string[] = [];
    for (const [name, shape] of weightShapes(plan.decoder)) {
      const stored = decoder.stored?.(name) ?? null;
      if (stored === null) {
        others.push(name);
        continue;
      }
      expect([name, stored.shape, stored.type]).toEqual([name, shape, 'F32']);
      const bytes = await stored.file.slice(stored.begin, stored.end).arrayBuffer();
      expect(new Float32Array(bytes)).toEqual((await decoder(name)).data);
    }
    // Gemma's norms lack one, GPT-2's matrices are the other way round: only a reader has those.
    const isOther = { gemma3: /norm\.weight$/, gpt2: /_proj\.weight$/ }[family as string] ?? /^$/;
    expect(others).toEqual([...weightShapes(plan.decoder).keys()].filter((name) => isOther.test(name)));
  });

  it.each(FAMILIES)('%s: numbers and weights come back out of a GGUF file', async (name) => {
    // GGUF knows one pattern of local layers.
    const usual = { sliding_window_pattern: 6, num_hidden_layers: 6, rope_local_base_freq: 10_000 };
    const json = name === 'gemma3' ? { ...TINY_CONFIG_JSON.gemma3, ...usual } : TINY_CONFIG_JSON[name];
    const { family, plan } = families.plan(json);
    const weights = selfTestWeights(plan.decoder, false);
    const metadata = ggufMetadataOf(plan.decoder, { name, fileType: 'F32' }, family.gguf);
    const tensors = ggufTensorsOf(plan.decoder, readerOf(weights), 'F32', family.gguf);
    const file = await collectGguf(writeGguf('m', { metadata, tensors }));
    const opened = await openGguf(file, families.ggufForms);
    const again = families.plan(opened.configJson);
    expect(again.family.name).toBe(name);
    expect(again.plan.decoder).toEqual({ ...plan.decoder, stopTokenIds: [] });
    const read = opened.reader(again.plan.decoder);
    for (const [weight, array] of weights) expect(await read(weight)).toEqual(array);
  });

  it('Gemma 3: layers in another order than llama.cpp takes for granted are not written as GGUF', () => {
    const { family, plan } = families.plan(TINY_CONFIG_JSON.gemma3);
    expect(() => ggufMetadataOf(plan.decoder, { name: 'm', fileType: 'F32' }, family.gguf)).toThrow(
      /every 6th layer/,
    );
  });

  it('Gemma 3: norms are one more than the file says, every sixth layer sees all', () => {
    const { plan } = families.plan(PUBLISHED[3]?.[1]);
    const { localLayers, localRopeTheta } = plan.decoder.traits ?? {};
    expect(localLayers?.map((local, layer) => (local ? -1 : layer)).filter((layer) => layer >= 0)).toEqual([
      5, 11, 17,
    ]);
    expect(localRopeTheta).toBe(10_000);
    const names = [...plan.weightShapes().keys()].filter((name) => name.startsWith('model.layers.0.p'));
    expect(names).toEqual([
      'model.layers.0.pre_feedforward_layernorm.weight',
      'model.layers.0.post_attention_layernorm.weight',
      'model.layers.0.post_feedforward_layernorm.weight',
    ]);
  });

  it('GPT-2: queries, keys and values come out of one matrix that lies the other way round', async () => {
    const { plan } = families.plan(TINY_CONFIG_JSON.gpt2);
    const files = randomFile(plan.weightShapes());
    const { shape, data } = await plan.decoderReader(readerOf(files))(
      'model.layers.1.self_attn.k_proj.weight',
    );
    const fused = files.get('transformer.h.1.attn.c_attn.weight') as FileArray;
    const hidden = plan.decoder.hiddenSize;
    expect(shape).toEqual([hidden, hidden]);
    expect(data[2 * hidden + 5]).toBe(fused.data[5 * 3 * hidden + hidden + 2]);
  });

  it.each([
    [
      'an unknown architecture',
      { architectures: ['MambaForCausalLM'] },
      /MambaForCausalLM.*Qwen3ForCausalLM/,
    ],
    ['yarn', { ...TINY_CONFIG_JSON.qwen2, rope_scaling: { type: 'yarn', factor: 4 } }, /rope_scaling/],
    ['soft caps', { ...TINY_CONFIG_JSON.gemma3, final_logit_softcapping: 30 }, /final_logit_softcapping/],
    [
      'other scores',
      { ...TINY_CONFIG_JSON.gemma3, query_pre_attn_scalar: 168 },
      /query_pre_attn_scalar is 168/,
    ],
    [
      'partly rotated heads',
      { ...TINY_CONFIG_JSON.phi3, partial_rotary_factor: 0.75 },
      /partial_rotary_factor/,
    ],
    ['another GELU', { ...TINY_CONFIG_JSON.gpt2, activation_function: 'relu' }, /activation_function/],
  ])('refuses %s by name', (_, configJson, message) => {
    expect(() => families.plan(configJson)).toThrow(message);
  });

  it('rope_parameters of newer files are read as the older names', () => {
    const { rope_theta: _, ...rest } = TINY_CONFIG_JSON.qwen3;
    const json = { ...rest, rope_parameters: { rope_type: 'default', rope_theta: 123_456 } };
    expect(families.plan(json).plan.decoder.ropeTheta).toBe(123_456);
  });
});
