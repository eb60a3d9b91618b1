// What a decoder's ONNX graph takes and gives, by its form. Pure.
import type { OnnxValue } from '../../../lib/formats/onnx';
import type { DecoderConfig } from '../decoder-config';

/**
 * What the graph takes besides tokens and the cache.
 * - `given`: as `static`, for whoever holds all arrays: weights and tables are inputs of the graph, by the names of the
 *   arrays, and the cache may have any size. Weights that several sequences or adapters share are there once. The head is
 *   [hidden, vocab], gate and up lie side by side: products of one row with wide matrices, as they lie, are the fast ones.
 * - `portable`: attention_mask, position_ids and num_logits_to_keep, any batch and length, a cache that grows: what
 *   transformers.js feeds. Rows of a batch may be padded on the right only.
 * - `static`: one sequence whose cache has `capacity` positions and is written in place where the caller gives the same
 *   memory as past and present; lengths come as `seqlens_k` (tokens in all, less one) and `total_sequence_length`. Every
 *   size is known where `tokens`, those of a run, is a number, and nothing runs on the host: it can be captured.
 *   Logits are those after the last token, [1, vocab].
 */
export type OnnxForm =
  { kind: 'portable' } | { kind: 'static'; capacity: number; tokens: number | null } | { kind: 'given' };

export function graphInputs(config: DecoderConfig, form: OnnxForm): OnnxValue[] {
  if (form.kind !== 'portable') {
    const tokens = form.kind === 'static' ? (form.tokens ?? 'sequence_length') : 'sequence_length';
    const capacity = form.kind === 'static' ? form.capacity : 'capacity';
    return [
      { name: 'input_ids', type: 'int32', shape: [1, tokens] },
      { name: 'seqlens_k', type: 'int32', shape: [1] },
      { name: 'total_sequence_length', type: 'int32', shape: [1] },
      ...cache(config, 'past_key_values', 1, capacity),
    ];
  }
  const perToken = ['batch_size', 'sequence_length'];
  return [
    { name: 'input_ids', type: 'int64', shape: perToken },
    { name: 'attention_mask', type: 'int64', shape: ['batch_size', 'total_sequence_length'] },
    { name: 'position_ids', type: 'int64', shape: perToken },
    { name: 'num_logits_to_keep', type: 'int64', shape: [] },
    ...cache(config, 'past_key_values', 'batch_size', 'past_sequence_length'),
  ];
}

export function graphOutputs(config: DecoderConfig, form: OnnxForm): OnnxValue[] {
  const { vocabSize } = config;
  if (form.kind !== 'portable') {
    return [
      { name: 'logits', type: 'float', shape: [1, vocabSize] },
      ...cache(config, 'present', 1, form.kind === 'static' ? form.capacity : 'capacity'),
    ];
  }
  return [
    { name: 'logits', type: 'float', shape: ['batch_size', 'num_logits', vocabSize] },
    ...cache(config, 'present', 'batch_size', 'total_sequence_length'),
  ];
}

function cache(
  { layers, kvHeads, headSize }: DecoderConfig,
  prefix: string,
  batch: number | string,
  positions: number | string,
): OnnxValue[] {
  const shape = [batch, kvHeads, positions, headSize];
  return Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map((kind): OnnxValue => ({
      name: `${prefix}.${layer}.${kind}`,
      type: 'float',
      shape,
    })),
  ).flat();
}
