// Causal self-attention with grouped queries (Ainslie et al. 2023) over the packed, rotated projection. Of the forward
// pass only the output and one number per query and head stay for the way back.
import { elements, type Value } from '../recorder';
import type { Tape } from '../tape';
import { innerKernel, keyValueGradientKernel, queryGradientKernel } from './attention-backward';
import { defaultAttention } from './attention-default';
import { attentionKernel } from './attention-forward';
import { dispatchTiles } from './attention-grid';
import type { AttentionShape, AttentionVariant } from './attention-tile';

export type { AttentionShape, AttentionVariant } from './attention-tile';

const variantFor = ({ recorder }: Tape, shape: AttentionShape): AttentionVariant =>
  recorder.attentionVariantOf?.(shape) ?? defaultAttention(shape, recorder.traits);

/**
 * Every token attends to itself and the tokens before it in its sequence that have the same segment; padding is the
 * segment -1 and so attends to padding.
 * @param qkv [rows * length, (heads + 2 * kvHeads) * headSize]: query heads, key heads (both rotated), value heads.
 * @param segments i32 [rows * length]
 * @returns [rows * length, heads * headSize]
 * @throws RangeError when the shapes do not fit.
 */
export function attention(
  tape: Tape,
  qkv: Value,
  segments: Value,
  shape: AttentionShape,
  variant: AttentionVariant = variantFor(tape, shape),
): Value {
  const { rows, length, heads, kvHeads, headSize } = shape;
  const tokens = rows * length;
  if (elements(qkv.shape) !== tokens * (heads + 2 * kvHeads) * headSize || heads % kvHeads !== 0) {
    throw new RangeError(
      `attention: qkv [${qkv.shape.join(', ')}] is not ${tokens} tokens of ${heads} query and twice ${kvHeads} key heads of ${headSize}.`,
    );
  }
  const { recorder } = tape;
  const output = recorder.temporary('attention', [tokens, heads * headSize], qkv.learns);
  const logSums = recorder.temporary('attention log-sums', [tokens, heads]);
  dispatchTiles(recorder, shape, attentionKernel(shape, variant), [qkv, segments, output, logSums]);
  tape.rule(() => {
    const dOutput = tape.gradient(output);
    if (dOutput === null || !qkv.learns) return;
    const { value: dQkv, adds } = tape.target(qkv);
    if (adds) throw new Error('attention writes the whole gradient of qkv; something gave one before.');
    const inner = recorder.temporary('attention inner', [tokens, heads]);
    recorder.dispatch(innerKernel(shape), [recorder.constant(tokens * heads), dOutput, output, inner]);
    const values = [qkv, segments, dOutput, logSums, inner, dQkv];
    dispatchTiles(recorder, shape, queryGradientKernel(shape, variant), values);
    dispatchTiles(recorder, shape, keyValueGradientKernel(shape, variant), values);
  });
  return output;
}
