// A decoder's weights under GGUF's names, and the order of rows in q and k. Pure. Hugging Face rotates element i of a head with
// element i + headSize / 2; llama.cpp rotates neighbours for some architectures, so its converter moves the rows.
import type { LoraTarget } from '../../../protocol/models';
import type { DecoderConfig } from '../decoder-config';
import { EMBEDDING, FINAL_NORM, HEAD, POSITIONS } from '../decoder-names';
import { WeightPlaces, type WeightPlace } from '../weight-places';
import type { GgufForm } from './gguf-form';

export const GGUF_EMBEDDING = 'token_embd.weight';
export const GGUF_HEAD = 'output.weight';
/** Divisors of the rotary frequencies, [headSize / 2]; there only with llama3 scaling. */
export const GGUF_ROPE_FACTORS = 'rope_freqs.weight';

const PROJECTIONS: Record<LoraTarget, string> = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
};

/** By the decoder's module. */
const NORMS: Record<string, string> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  q_norm: 'attn_q_norm',
  k_norm: 'attn_k_norm',
};

const WHOLE: Record<string, string> = {
  [EMBEDDING]: GGUF_EMBEDDING,
  [POSITIONS]: 'position_embd.weight',
  [FINAL_NORM]: 'output_norm.weight',
  'model.norm.bias': 'output_norm.bias',
  [HEAD]: GGUF_HEAD,
};

/** GGUF's name of a projection's weight: `blk.3.attn_q.weight`. */
export function ggufProjection(layer: number, target: LoraTarget): string {
  return `blk.${layer}.${PROJECTIONS[target]}.weight`;
}

function tensorOf(form: GgufForm, target: LoraTarget): string {
  if (form.fused.includes('qkv') && ['q', 'k', 'v'].includes(target)) return 'attn_qkv';
  if (form.fused.includes('gate-up') && target === 'gate') return PROJECTIONS.up;
  return PROJECTIONS[target];
}

const LAYER = /^model\.layers\.(\d+)\.(?:self_attn\.|mlp\.)?(\w+)\.(weight|bias)$/;

function placeOf(form: GgufForm, weight: string): WeightPlace {
  const [, layer = '', module = '', kind = ''] = LAYER.exec(weight) ?? [];
  if (layer === '') return { name: WHOLE[weight] ?? weight };
  const target = module.replace(/_proj$/, '') as LoraTarget;
  const tensor = module.endsWith('_proj') ? tensorOf(form, target) : { ...NORMS, ...form.norms }[module];
  return { name: `blk.${layer}.${tensor ?? module}.${kind}` };
}

/** Where a decoder's weights stand in a file of this form. */
export function ggufPlaces(form: GgufForm, config: DecoderConfig): WeightPlaces {
  return new WeightPlaces(config, (weight) => placeOf(form, weight));
}

/** True for the tensors whose rows lie in another order. */
export function hasMovedRows({ movesRows }: GgufForm, tensor: string): boolean {
  return movesRows && /\.attn_[qk]\.weight$/.test(tensor);
}

/** Rows of whole heads, [heads * headSize, columns], from Hugging Face's order to GGUF's. */
export function toGgufRows(data: Float32Array, headSize: number, columns: number): Float32Array<ArrayBuffer> {
  return moveRows(data, headSize, columns, (row) => (row % 2) * (headSize / 2) + Math.floor(row / 2));
}

/** The inverse of `toGgufRows`. @param result as long as `data`. */
export function fromGgufRows(
  data: Float32Array,
  headSize: number,
  columns: number,
  result?: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const half = headSize / 2;
  return moveRows(data, headSize, columns, (row) => 2 * (row % half) + Math.floor(row / half), result);
}

/** @param sourceOf the row of a head that comes to a place of it. @throws RangeError where a head is cut. */
function moveRows(
  data: Float32Array,
  headSize: number,
  columns: number,
  sourceOf: (row: number) => number,
  result = new Float32Array(data.length),
): Float32Array<ArrayBuffer> {
  const headLength = headSize * columns;
  if (data.length % headLength !== 0) {
    throw new RangeError(`${data.length} values are no whole number of heads of ${headSize} by ${columns}.`);
  }
  for (let head = 0; head < data.length; head += headLength) {
    for (let row = 0; row < headSize; row += 1) {
      const from = head + sourceOf(row) * columns;
      result.set(data.subarray(from, from + columns), head + row * columns);
    }
  }
  return result;
}
