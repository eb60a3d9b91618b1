import { describe, expect, it } from 'vitest';
import type { OnnxElement, OnnxSize, OnnxValueInfo } from '../../lib/formats/onnx-description';
import { signatureOf } from './cache-pairs';
import { decoderScheme } from './decoder-scheme';

const value = (name: string, type: OnnxElement, ...shape: OnnxSize[]): OnnxValueInfo => ({
  name,
  type,
  shape,
});
const ids = value('input_ids', 'int64', 'batch_size', 'sequence_length');
const logits = value('logits', 'float32', 'batch_size', 'sequence_length', 100);

/** One layer of keys and values, under those names. */
function caches(names: [past: string, present: string][], shape: OnnxSize[], grown: OnnxSize[]) {
  return {
    inputs: names.map(([past]) => value(past, 'float32', ...shape)),
    outputs: names.map(([, present]) => value(present, 'float32', ...grown)),
  };
}

function schemeOf(extra: OnnxValueInfo[], cache: ReturnType<typeof caches>) {
  return decoderScheme({ inputs: [ids, ...extra, ...cache.inputs], outputs: [logits, ...cache.outputs] });
}

const USUAL = caches(
  [
    ['past_key_values.0.key', 'present.0.key'],
    ['past_key_values.0.value', 'present.0.value'],
  ],
  ['batch_size', 2, 'past_sequence_length', 8],
  ['batch_size', 2, 'total_sequence_length', 8],
);

describe('decoder scheme', () => {
  it('decoder scheme: every plain input by what it is for', () => {
    const scheme = schemeOf(
      [
        value('attention_mask', 'int64', 'batch_size', 'total'),
        value('position_ids', 'int32', 'batch_size', 'sequence_length'),
        value('token_type_ids', 'int64', 'batch_size', 'sequence_length'),
        value('num_logits_to_keep', 'int64'),
        value('use_cache_branch', 'bool', 1),
      ],
      USUAL,
    );
    expect(scheme).toMatchObject({
      tokens: { name: 'input_ids', type: 'int64', rank: 2 },
      mask: { name: 'attention_mask' },
      positions: { name: 'position_ids', type: 'int32' },
      segments: { name: 'token_type_ids' },
      logitsToKeep: { rank: 0 },
      useCache: { rank: 1 },
      logits: 'logits',
      vocabSize: 100,
    });
    expect(scheme.caches).toEqual([
      {
        past: 'past_key_values.0.key',
        present: 'present.0.key',
        type: 'float32',
        shape: [1, 2, 0, 8],
        axis: 2,
      },
      {
        past: 'past_key_values.0.value',
        present: 'present.0.value',
        type: 'float32',
        shape: [1, 2, 0, 8],
        axis: 2,
      },
    ]);
  });

  it.each([
    ['past_key_values.3.decoder.key', 'present.3.decoder.key'],
    ['past_key_12', 'present_key_12'],
    ['past_0', 'present_0'],
    ['cache_k_0', 'new_cache_k_0'],
    ['pastKeyValues.7.value', 'present.7.v'],
    ['kv_cache_in.2.K', 'kv_cache_out.2.key'],
  ])('decoder scheme: %s goes on in %s', (past, present) => {
    expect(signatureOf(past)).toBe(signatureOf(present));
    expect(signatureOf(past)).not.toBe('');
  });

  it.each<[string, OnnxSize[], OnnxSize[], number]>([
    ['the only size that is open', [1, 2, 'n', 8], [1, 2, 'm', 8], 2],
    ['not the sequences by name', ['batch_size', 'past', 2, 8], ['batch_size', 'all', 2, 8], 1],
    ['not the one that stays', ['b0', 2, 8, 's0'], ['b0', 2, 8, 's1'], 3],
    ['without names the later one', [null, 2, null, 8], [null, 2, null, 8], 2],
    ['of rank 5', [2, 'batch_size', 2, 'past_sequence_length', 8], [2, 'batch_size', 2, 'total', 8], 3],
    ['by a name of time', ['x', 2, 'past_len', 8], ['y', 2, 'z', 8], 2],
  ])('decoder scheme: the number of tokens is %s', (_, shape, grown, axis) => {
    const scheme = schemeOf([], caches([['past_0', 'present_0']], shape, grown));
    expect(scheme.caches[0]).toMatchObject({ axis, shape: expect.any(Array) as number[] });
    expect(scheme.caches[0]?.shape[axis]).toBe(0);
  });

  it('decoder scheme: names that tell nothing are paired in their order', () => {
    const cache = caches(
      [
        ['a', 'r'],
        ['b', 's'],
      ],
      [1, 2, 'n', 8],
      [1, 2, 'm', 8],
    );
    expect(schemeOf([], cache).caches.map(({ past, present }) => past + present)).toEqual(['ar', 'bs']);
  });

  it('decoder scheme: what is not understood is refused with all inputs', () => {
    const state = value('past_ssm.0', 'float32', 'batch_size', 4, 16);
    const grown = value('present_ssm.0', 'float32', 'batch_size', 4, 16);
    const hybrid = { inputs: [ids, state], outputs: [logits, grown] };
    // The number of sequences is all that is open: what looks like a cache holds no tokens.
    expect(() => decoderScheme(hybrid)).toThrow(
      /past_ssm\.0 is not understood.*Its inputs: input_ids int64 \[batch_size, sequence_length\]; past_ssm\.0 float32/,
    );
    expect(() => decoderScheme({ inputs: [ids], outputs: [logits] })).toThrow('it has no cache');
    expect(() => decoderScheme({ inputs: [ids, ...USUAL.inputs], outputs: USUAL.outputs })).toThrow(
      'no output is called logits',
    );
    expect(() => decoderScheme({ inputs: USUAL.inputs, outputs: [logits, ...USUAL.outputs] })).toThrow(
      'no input takes tokens',
    );
  });
});
