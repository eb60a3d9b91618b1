// A Llama's weights under GGUF's names, and the order of rows in its q and k. Pure. Hugging Face rotates element i of a head
// with element i + headSize / 2; llama.cpp rotates neighbours for this architecture, so its converter moves the rows.
import { LORA_TARGETS, type LoraTarget } from '../../../protocol/models';
import type { DecoderConfig } from '../decoder-config';
import { attentionNorm, EMBEDDING, FINAL_NORM, HEAD, inputNorm, projectionPath } from '../decoder-names';

export const GGUF_EMBEDDING = 'token_embd.weight';
export const GGUF_HEAD = 'output.weight';
/** Divisors of the rotary frequencies, [headSize / 2]; there only with llama3 scaling. */
export const GGUF_ROPE_FACTORS = 'rope_freqs.weight';

const GGUF_PROJECTIONS: Record<LoraTarget, string> = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
};

/** GGUF's name of a projection's weight: `blk.3.attn_q.weight`. */
export function ggufProjection(layer: number, target: LoraTarget): string {
  return `blk.${layer}.${GGUF_PROJECTIONS[target]}.weight`;
}

/** GGUF's name of every weight by Hugging Face's, in the order of the forward pass. */
export function ggufNames({
  layers,
  tiedHead,
}: Pick<DecoderConfig, 'layers' | 'tiedHead'>): Map<string, string> {
  const names = new Map([[EMBEDDING, GGUF_EMBEDDING]]);
  for (let layer = 0; layer < layers; layer += 1) {
    names.set(inputNorm(layer), `blk.${layer}.attn_norm.weight`);
    names.set(attentionNorm(layer), `blk.${layer}.ffn_norm.weight`);
    for (const target of LORA_TARGETS) {
      names.set(`${projectionPath(layer, target)}.weight`, ggufProjection(layer, target));
    }
  }
  names.set(FINAL_NORM, 'output_norm.weight');
  if (!tiedHead) names.set(HEAD, GGUF_HEAD);
  return names;
}

/** True for the weights, by Hugging Face's name, whose rows lie in another order in GGUF. */
export function hasMovedRows(name: string): boolean {
  return /\.self_attn\.[qk]_proj\.weight$/.test(name);
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
