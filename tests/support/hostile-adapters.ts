// Adapters that do not fit, lie, or bring what an adapter here cannot have, each with the complaint that it must get.
import { collectGguf, writeGguf } from '../../src/lib/formats/gguf/gguf-writer';
import type { GgufValue } from '../../src/lib/formats/gguf/gguf-types';
import { rawGguf, rawKey, text } from '../../src/lib/formats/gguf/testing/raw-gguf';
import { writeSafetensors } from '../../src/lib/formats/safetensors';
import type { FileArray } from '../../src/models/file-layout';
import { TINY_CONFIG_JSON } from '../../src/models/testing/tiny-decoders';
import type { NamedFile } from '../../src/protocol/models';
import { ggufBlob, jsonFile, MODEL_JSON } from './model-forms';

/** Bases by what they are a model of: two layers of width 16, or 32 for the others, and a vocabulary of the test's tokenizer. */
export const ADAPTER_BASES = {
  llama: MODEL_JSON,
  phi3: { ...TINY_CONFIG_JSON.phi3, vocab_size: 272, eos_token_id: 263 },
  gpt2: { ...TINY_CONFIG_JSON.gpt2, vocab_size: 272, eos_token_id: 263 },
};

export interface HostileAdapter {
  what: string;
  base?: keyof typeof ADAPTER_BASES;
  files: () => NamedFile[] | Promise<NamedFile[]>;
  code:
    | 'adapter.bad-config'
    | 'adapter.base-mismatch'
    | 'model.bad-header'
    | 'model.truncated'
    | 'model.unsupported';
  /** Part of the message. */
  fact: string;
}

/** Fields that an adapter's configuration needs. */
export const PEFT_JSON = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };

const zeros = (...shape: number[]): FileArray => ({
  shape,
  data: new Float32Array(shape.reduce((size, n) => size * n, 1)),
});

/** A and B of the queries of both layers. */
export function queryMatrices(
  change: { a?: number[]; b?: number[]; prefix?: string; module?: string; layers?: number[] } = {},
): Map<string, FileArray> {
  const {
    a = [2, 16],
    b = [16, 2],
    prefix = 'model.layers.',
    module = 'self_attn.q_proj',
    layers = [0, 1],
  } = change;
  return new Map(
    layers.flatMap((layer): [string, FileArray][] => [
      [`base_model.model.${prefix}${layer}.${module}.lora_A.weight`, zeros(...a)],
      [`base_model.model.${prefix}${layer}.${module}.lora_B.weight`, zeros(...b)],
    ]),
  );
}

export const peftFiles = (
  arrays: ReadonlyMap<string, FileArray>,
  more: Record<string, unknown> = {},
): NamedFile[] => [
  { name: 'adapter_model.safetensors', blob: writeSafetensors(arrays) },
  jsonFile('adapter_config.json', { ...PEFT_JSON, ...more }),
];

const withArray = (name: string, ...shape: number[]): Map<string, FileArray> =>
  new Map([...queryMatrices(), [name, zeros(...shape)]]);

const PEFT: HostileAdapter[] = [
  {
    what: 'an adapter for a wider model',
    files: () => peftFiles(queryMatrices({ b: [64, 2] })),
    code: 'adapter.base-mismatch',
    fact: 'model.layers.0.self_attn.q_proj.lora_B.weight is [64, 2], expected [16, 2]',
  },
  {
    what: 'an adapter of another rank than it says',
    files: () => peftFiles(queryMatrices({ b: [16, 3] })),
    code: 'adapter.base-mismatch',
    fact: 'expected [16, 2]',
  },
  {
    what: 'an adapter of one layer',
    files: () => peftFiles(queryMatrices({ layers: [0] })),
    code: 'adapter.base-mismatch',
    fact: 'model.layers.1.self_attn.q_proj.lora_A.weight is missing',
  },
  {
    what: 'an adapter of more layers',
    files: () => peftFiles(queryMatrices({ layers: [0, 1, 2] })),
    code: 'adapter.base-mismatch',
    fact: 'model.layers.2.self_attn.q_proj.lora_A.weight has no place in it',
  },
  {
    what: 'an adapter that names a module and has nothing of it',
    files: () => peftFiles(queryMatrices(), { target_modules: ['q_proj', 'v_proj'] }),
    code: 'adapter.base-mismatch',
    fact: 'v_proj.lora_A.weight is missing',
  },
  {
    what: 'an adapter of another family',
    files: () => peftFiles(queryMatrices({ prefix: 'transformer.h.', module: 'attn.c_attn' })),
    code: 'adapter.base-mismatch',
    fact: 'transformer.h.0.attn.c_attn.lora_A.weight has no place in it',
  },
  {
    what: 'an adapter with a trained head',
    files: () => peftFiles(withArray('base_model.model.lm_head.lora_A.weight', 2, 16)),
    code: 'adapter.bad-config',
    fact: 'it holds base_model.model.lm_head.lora_A.weight',
  },
  {
    what: 'an adapter with a trained embedding',
    files: () => peftFiles(withArray('base_model.model.model.embed_tokens.lora_embedding_A', 2, 272)),
    code: 'adapter.bad-config',
    fact: 'trained embeddings, heads, norms and biases have no place',
  },
  {
    what: 'an adapter with a whole embedding',
    files: () => peftFiles(withArray('base_model.model.model.embed_tokens.weight', 272, 16)),
    code: 'adapter.bad-config',
    fact: 'it holds base_model.model.model.embed_tokens.weight',
  },
  {
    what: 'an adapter with a bias of its own',
    files: () => peftFiles(withArray('base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias', 16)),
    code: 'adapter.bad-config',
    fact: 'q_proj.lora_B.bias',
  },
  {
    what: 'an adapter that trained modules whole',
    files: () => peftFiles(queryMatrices(), { modules_to_save: ['embed_tokens', 'lm_head'] }),
    code: 'adapter.bad-config',
    fact: 'modules_to_save says that embed_tokens, lm_head was trained whole',
  },
  {
    what: 'an adapter of a base that was changed when it was begun',
    files: () => peftFiles(queryMatrices(), { init_lora_weights: 'pissa' }),
    code: 'adapter.bad-config',
    fact: 'init_lora_weights is pissa',
  },
  {
    what: 'an adapter of another kind',
    files: () => peftFiles(queryMatrices(), { peft_type: 'LOHA' }),
    code: 'adapter.bad-config',
    fact: 'peft_type does not fit',
  },
  {
    what: 'an adapter with magnitudes that its configuration does not know',
    files: () =>
      peftFiles(withArray('base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector', 16)),
    code: 'adapter.bad-config',
    fact: 'use_dora is not set',
  },
  {
    what: 'an adapter that has a matrix twice',
    files: () => peftFiles(withArray('model.layers.0.self_attn.q_proj.lora_A.default.weight', 2, 16)),
    code: 'adapter.bad-config',
    fact: 'is there twice',
  },
  {
    what: 'an adapter with a pattern that would run for ever',
    files: () => peftFiles(queryMatrices(), { alpha_pattern: { '(a+)+$': 3 } }),
    code: 'adapter.bad-config',
    fact: 'the regular expression "(a+)+$"',
  },
  {
    what: 'an adapter whose modules are scaled differently',
    files: () => {
      const values = queryMatrices({ module: 'self_attn.v_proj', b: [8, 2] });
      return peftFiles(new Map([...queryMatrices(), ...values]), { alpha_pattern: { v_proj: 9 } });
    },
    code: 'adapter.bad-config',
    fact: 'q_proj by 2, model.layers.0.self_attn.v_proj by 4.5',
  },
  {
    what: 'a model’s weights as an adapter',
    files: () => peftFiles(new Map([['model.norm.weight', zeros(16)]])),
    code: 'adapter.bad-config',
    fact: 'weights of a model and no LoRA matrices',
  },
  {
    what: 'an adapter as a pickle',
    files: () => [
      jsonFile('adapter_config.json', PEFT_JSON),
      { name: 'adapter_model.bin', blob: new Blob(['PK']) },
    ],
    code: 'adapter.bad-config',
    fact: 'adapter_model.bin is a pickle: a program that runs when it is read',
  },
  {
    what: 'an adapter without its configuration',
    files: () => peftFiles(queryMatrices()).slice(0, 1),
    code: 'model.unsupported',
    fact: 'There is no adapter_config.json',
  },
  {
    what: 'an adapter that was cut',
    files: () => {
      const [weights, config] = peftFiles(queryMatrices());
      const blob = weights?.blob.slice(0, weights.blob.size - 8) ?? new Blob();
      return [{ name: 'adapter_model.safetensors', blob }, ...(config === undefined ? [] : [config])];
    },
    code: 'model.truncated',
    fact: 'lora_B.weight ends at byte',
  },
];

/** A, B and what is said of the module; the other layer has the same. */
const fused = (base: 'phi3' | 'gpt2', a: number[], b: number[], more: Record<string, unknown>): NamedFile[] =>
  peftFiles(
    base === 'phi3'
      ? queryMatrices({ a, b, module: 'self_attn.qkv_proj' })
      : queryMatrices({ a, b, prefix: 'transformer.h.', module: 'attn.c_attn' }),
    { target_modules: [base === 'phi3' ? 'qkv_proj' : 'c_attn'], ...more },
  );

const FUSED: HostileAdapter[] = [
  {
    what: 'a module of several projections without the last of them',
    base: 'phi3',
    files: () => fused('phi3', [2, 32], [64, 2], {}),
    code: 'adapter.base-mismatch',
    fact: 'qkv_proj.lora_B.weight is [64, 2], expected [96, 2]',
  },
  {
    what: 'a module of several projections with the rank of one',
    base: 'phi3',
    files: () => fused('phi3', [2, 32], [96, 2], { rank_pattern: { qkv_proj: 6 } }),
    code: 'adapter.base-mismatch',
    fact: 'qkv_proj.lora_A.weight is [2, 32], expected [6, 32]',
  },
  {
    what: 'a transposed module with matrices that are the other way round too',
    base: 'gpt2',
    files: () => fused('gpt2', [32, 2], [2, 96], { fan_in_fan_out: true }),
    code: 'adapter.base-mismatch',
    fact: 'c_attn.lora_A.weight is [32, 2], expected [2, 32]',
  },
  {
    what: 'projections by themselves and their module at once',
    base: 'phi3',
    files: () => {
      const module = queryMatrices({ a: [2, 32], b: [96, 2], module: 'self_attn.qkv_proj' });
      const own = queryMatrices({ a: [2, 32], b: [32, 2] });
      return peftFiles(new Map([...module, ...own]), { target_modules: ['qkv_proj', 'q_proj'] });
    },
    code: 'adapter.base-mismatch',
    fact: 'self_attn.q_proj.lora_A.weight has no place in it',
  },
];

const F32_LORA: readonly [string, GgufValue][] = [
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['general.type', { type: 'string', value: 'adapter' }],
  ['adapter.type', { type: 'string', value: 'lora' }],
  ['adapter.lora.alpha', { type: 'float32', value: 4 }],
];

/** Queries of both layers as llama.cpp's converter writes them. */
export function loraGguf(
  change: { keys?: [string, GgufValue][]; shapes?: Record<string, number[]>; without?: string } = {},
): Promise<Blob> {
  const shapes: Record<string, number[]> = {};
  for (const layer of [0, 1]) {
    shapes[`blk.${layer}.attn_q.weight.lora_a`] = [2, 16];
    shapes[`blk.${layer}.attn_q.weight.lora_b`] = [16, 2];
  }
  Object.assign(shapes, change.shapes);
  const metadata = new Map([...F32_LORA, ...(change.keys ?? [])]);
  if (change.without !== undefined) metadata.delete(change.without);
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    name,
    type: 'F32' as const,
    shape,
    parts: () => [zeros(...shape).data],
  }));
  return collectGguf(writeGguf('lora.gguf', { metadata, tensors }));
}

const gguf = async (change: Parameters<typeof loraGguf>[0] = {}): Promise<NamedFile[]> => [
  { name: 'side-lora.gguf', blob: await loraGguf(change) },
];
const said = (key: string, value: string): [string, GgufValue][] => [[key, { type: 'string', value }]];

function rankZero(): Blob {
  const keys = F32_LORA.flatMap(([key, value]) =>
    value.type === 'string' ? [rawKey(key, 'string', text(value.value))] : [],
  );
  const tensors = ['a', 'b'].map((letter) => ({
    name: `blk.0.attn_q.weight.lora_${letter}`,
    sizes: letter === 'a' ? [16, 0] : [0, 16],
  }));
  return rawGguf({ keys, tensors, dataBytes: 32 });
}

const GGUF: HostileAdapter[] = [
  {
    what: 'a GGUF model as an adapter',
    files: async () => [{ name: 'model.gguf', blob: await ggufBlob() }],
    code: 'adapter.bad-config',
    fact: 'The GGUF file is a model, not an adapter',
  },
  {
    what: 'a GGUF adapter for a wider model',
    files: () => gguf({ shapes: { 'blk.1.attn_q.weight.lora_b': [64, 2] } }),
    code: 'adapter.base-mismatch',
    fact: 'blk.1.attn_q.weight.lora_b is [64, 2], expected [16, 2]',
  },
  {
    what: 'a GGUF adapter whose matrices have different ranks',
    files: () => gguf({ shapes: { 'blk.1.attn_q.weight.lora_b': [16, 3] } }),
    code: 'adapter.base-mismatch',
    fact: 'blk.1.attn_q.weight.lora_b is [16, 3], expected [16, 2]',
  },
  {
    what: 'a GGUF adapter of rank 0',
    files: () => [{ name: 'none.gguf', blob: rankZero() }],
    code: 'model.bad-header',
    fact: 'blk.0.attn_q.weight.lora_a',
  },
  {
    what: 'a GGUF adapter with more layers',
    files: () => gguf({ shapes: { 'blk.2.attn_q.weight.lora_a': [2, 16] } }),
    code: 'adapter.base-mismatch',
    fact: 'blk.2.attn_q.weight.lora_a has no place in the model',
  },
  {
    what: 'a GGUF adapter with a trained embedding',
    files: () => gguf({ shapes: { 'token_embd.weight.lora_a': [2, 16] } }),
    code: 'adapter.base-mismatch',
    fact: 'token_embd.weight.lora_a has no place in the model',
  },
  {
    what: 'a GGUF adapter of another architecture',
    files: () => gguf({ keys: said('general.architecture', 'qwen2') }),
    code: 'adapter.base-mismatch',
    fact: 'its architecture is qwen2 instead of llama',
  },
  {
    what: 'a GGUF adapter of another kind',
    files: () => gguf({ keys: said('adapter.type', 'control_vector') }),
    code: 'adapter.bad-config',
    fact: 'adapter.type is control_vector instead of lora',
  },
  {
    what: 'a GGUF adapter that tokens switch on',
    files: () =>
      gguf({ keys: [['adapter.alora.invocation_tokens', { type: 'array', of: 'uint32', values: [1] }]] }),
    code: 'adapter.bad-config',
    fact: 'aLoRA',
  },
  {
    what: 'a GGUF adapter without its alpha',
    files: () => gguf({ without: 'adapter.lora.alpha' }),
    code: 'adapter.bad-config',
    fact: 'adapter.lora.alpha is missing',
  },
  {
    what: 'a GGUF adapter with an alpha that is no number',
    files: () => gguf({ keys: [['adapter.lora.alpha', { type: 'float32', value: NaN }]] }),
    code: 'adapter.bad-config',
    fact: 'adapter.lora.alpha is NaN',
  },
  {
    what: 'a GGUF adapter that was cut',
    files: async () => {
      const blob = await loraGguf();
      return [{ name: 'side-lora.gguf', blob: blob.slice(0, blob.size - 64) }];
    },
    code: 'model.truncated',
    fact: 'the file at',
  },
  {
    what: 'two GGUF adapters',
    files: async () => [...(await gguf()), { name: 'other.gguf', blob: await loraGguf() }],
    code: 'adapter.bad-config',
    fact: 'there are 2 GGUF files: side-lora.gguf, other.gguf',
  },
];

export const HOSTILE_ADAPTERS: readonly HostileAdapter[] = [...PEFT, ...FUSED, ...GGUF];
