// One decoder block, forward and backward, on the engine's operations:
//   h = x + o(attention(rope(q(n)), rope(k(n)), v(n))), n = norm(x);   y = h + down(swiglu(gate(m), up(m))), m = norm(h).
// The forward pass returns everything the backward pass needs; the caller keeps it or throws it away and runs it again.
import {
  add,
  attention,
  attentionGradient,
  linear,
  linearInputGradient,
  linearWeightGradient,
  loraGradients,
  magnitudeGradient,
  reshape,
  rmsNorm,
  rmsNormInputGradient,
  rmsNormWeightGradient,
  rope,
  ropeGradient,
  scope,
  swiglu,
  swigluGradient,
  type AttentionSaved,
  type AttentionShape,
  type GradientWindow,
  type RopeTables,
  type Tensor,
} from '../../../engine';
import type { LoraTarget } from '../../../protocol/models';
import type { DecoderWeights } from './decoder-weights';
import type { DropoutMasks, DropoutSite } from './dropout-masks';
import { attentionNorm, inputNorm, projectionPath } from '../decoder-names';

/** What is the same for all blocks of one pass. */
export interface BlockContext {
  weights: DecoderWeights;
  dropout: DropoutMasks;
  shape: AttentionShape;
  rope: RopeTables;
  mask: Tensor;
  epsilon: number;
}

interface NormSaved {
  normalized: Tensor;
  inverseRms: Tensor;
}

interface Masks {
  attentionIn: Tensor | null;
  attentionOut: Tensor | null;
  mlpIn: Tensor | null;
  mlpOut: Tensor | null;
}

/** Tensors of a forward pass, [tokens, width] unless said otherwise. */
export interface BlockSaved {
  norm1: NormSaved;
  n: Tensor;
  attention: AttentionSaved;
  attended: Tensor;
  norm2: NormSaved;
  m: Tensor;
  gate: Tensor;
  up: Tensor;
  sigmoid: Tensor;
  activation: Tensor;
  masks: Masks;
}

const SITE_TARGETS: Record<DropoutSite, LoraTarget[]> = {
  'attention-in': ['q', 'k', 'v'],
  'attention-out': ['o'],
  'mlp-in': ['gate', 'up'],
  'mlp-out': ['down'],
};

function siteMask(context: BlockContext, layer: number, site: DropoutSite, like: Tensor): Tensor | null {
  const used = SITE_TARGETS[site].some(
    (target) => context.weights.linear(projectionPath(layer, target)).lora !== null,
  );
  return used ? context.dropout.mask(layer, site, like.shape[0] ?? 0, like.shape[1] ?? 0) : null;
}

function project(
  context: BlockContext,
  layer: number,
  target: LoraTarget,
  x: Tensor,
  mask: Tensor | null,
): Tensor {
  return linear(x, context.weights.linear(projectionPath(layer, target)), mask);
}

function attentionForward(context: BlockContext, layer: number, n: Tensor, mask: Tensor | null) {
  const { shape } = context;
  const tokens = shape.rows * shape.length;
  const split = (x: Tensor, heads: number): Tensor => reshape(x, [tokens, heads, shape.headSize]);
  const q = rope(split(project(context, layer, 'q', n, mask), shape.heads), context.rope);
  const k = rope(split(project(context, layer, 'k', n, mask), shape.kvHeads), context.rope);
  const v = split(project(context, layer, 'v', n, mask), shape.kvHeads);
  return attention(q, k, v, context.mask, shape);
}

/** @param x [tokens, hidden]. @returns y, the same shape; both results belong to the caller. */
export function blockForward(
  context: BlockContext,
  layer: number,
  x: Tensor,
): { y: Tensor; saved: BlockSaved } {
  return scope(() => {
    const { weights, epsilon } = context;
    const norm1 = rmsNorm(x, weights.tensor(inputNorm(layer)), epsilon);
    const attentionIn = siteMask(context, layer, 'attention-in', norm1.y);
    const { y: attended, saved } = attentionForward(context, layer, norm1.y, attentionIn);
    const attentionOut = siteMask(context, layer, 'attention-out', attended);
    const h = add(x, project(context, layer, 'o', attended, attentionOut));
    const norm2 = rmsNorm(h, weights.tensor(attentionNorm(layer)), epsilon);
    const mlpIn = siteMask(context, layer, 'mlp-in', norm2.y);
    const gate = project(context, layer, 'gate', norm2.y, mlpIn);
    const up = project(context, layer, 'up', norm2.y, mlpIn);
    const { activation, sigmoid } = swiglu(gate, up);
    const mlpOut = siteMask(context, layer, 'mlp-out', activation);
    const y = add(h, project(context, layer, 'down', activation, mlpOut));
    const masks = { attentionIn, attentionOut, mlpIn, mlpOut };
    return {
      y,
      saved: {
        norm1: { normalized: norm1.normalized, inverseRms: norm1.inverseRms },
        n: norm1.y,
        attention: saved,
        attended,
        norm2: { normalized: norm2.normalized, inverseRms: norm2.inverseRms },
        m: norm2.y,
        gate,
        up,
        sigmoid,
        activation,
        masks,
      },
    };
  });
}

/** Gradients of one projection go to the window where it wants them. @returns the gradient by its input. */
function projectBack(
  context: BlockContext,
  window: GradientWindow,
  path: string,
  x: Tensor,
  dy: Tensor,
  mask: Tensor | null,
): Tensor {
  const weights = context.weights.linear(path);
  if (window.wants(`${path}.weight`)) {
    window.add(`${path}.weight`, linearWeightGradient(x, dy, weights.lora));
  }
  if (weights.lora !== null && window.wants(`${path}.lora_A.weight`)) {
    const { dA, dB } = loraGradients(x, dy, weights.lora, mask);
    window.add(`${path}.lora_A.weight`, dA);
    window.add(`${path}.lora_B.weight`, dB);
    const { dora } = weights.lora;
    if (dora !== null) {
      window.add(`${path}.lora_magnitude_vector`, magnitudeGradient(x, dy, weights, dora, mask));
    }
  }
  return linearInputGradient(dy, weights, mask);
}

export function normBack(
  window: GradientWindow,
  name: string,
  weight: Tensor,
  dy: Tensor,
  saved: NormSaved,
): Tensor {
  if (window.wants(name)) window.add(name, rmsNormWeightGradient(dy, saved));
  return rmsNormInputGradient(dy, weight, saved);
}

function mlpBackward(
  context: BlockContext,
  layer: number,
  dy: Tensor,
  saved: BlockSaved,
  window: GradientWindow,
): Tensor {
  const back = (target: LoraTarget, x: Tensor, d: Tensor, mask: Tensor | null): Tensor =>
    projectBack(context, window, projectionPath(layer, target), x, d, mask);
  const dActivation = back('down', saved.activation, dy, saved.masks.mlpOut);
  const { dGate, dUp } = swigluGradient(dActivation, saved.gate, saved.up, saved.sigmoid);
  const { mlpIn } = saved.masks;
  const dm = add(back('gate', saved.m, dGate, mlpIn), back('up', saved.m, dUp, mlpIn));
  const name = attentionNorm(layer);
  return normBack(window, name, context.weights.tensor(name), dm, saved.norm2);
}

function attentionBackward(
  context: BlockContext,
  layer: number,
  dh: Tensor,
  saved: BlockSaved,
  window: GradientWindow,
): Tensor {
  const { shape } = context;
  const tokens = shape.rows * shape.length;
  const back = (target: LoraTarget, x: Tensor, d: Tensor, mask: Tensor | null): Tensor =>
    projectBack(context, window, projectionPath(layer, target), x, d, mask);
  const dAttended = back('o', saved.attended, dh, saved.masks.attentionOut);
  const { dq, dk, dv } = attentionGradient(dAttended, saved.attention, shape);
  const flat = (d: Tensor, heads: number): Tensor => reshape(d, [tokens, heads * shape.headSize]);
  const { attentionIn } = saved.masks;
  const fromQ = back('q', saved.n, flat(ropeGradient(dq, context.rope), shape.heads), attentionIn);
  const fromK = back('k', saved.n, flat(ropeGradient(dk, context.rope), shape.kvHeads), attentionIn);
  const fromV = back('v', saved.n, flat(dv, shape.kvHeads), attentionIn);
  const name = inputNorm(layer);
  const dn = add(add(fromQ, fromK), fromV);
  return normBack(window, name, context.weights.tensor(name), dn, saved.norm1);
}

/** @param dy gradient by the block's output. @returns the gradient by its input, which the caller owns. */
export function blockBackward(
  context: BlockContext,
  layer: number,
  dy: Tensor,
  saved: BlockSaved,
  window: GradientWindow,
): Tensor {
  return scope(() => {
    const dh = add(dy, mlpBackward(context, layer, dy, saved, window));
    return add(dh, attentionBackward(context, layer, dh, saved, window));
  });
}
