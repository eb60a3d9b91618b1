// One decoder block, forward and backward, on the engine's operations:
//   h = x + o(attention(rope(q(n)), rope(k(n)), v(n))), n = norm(x);   y = h + down(activation(m)), m = norm(h);
// with norms of heads and of what is added where the model has them. The forward pass returns everything the backward pass
// needs; the caller keeps it or throws it away and runs it again.
import {
  add,
  attention,
  attentionGradient,
  biasGradient,
  linearInputGradient,
  linearWeightGradient,
  loraGradients,
  magnitudeGradient,
  reshape,
  ropeGradient,
  scope,
  type AttentionSaved,
  type AttentionShape,
  type GradientWindow,
  type Tensor,
} from '../../../engine';
import type { LoraTarget } from '../../../protocol/models';
import { traitsOf } from '../decoder-config';
import {
  attentionNorm,
  attentionOutputNorm,
  headNorm,
  inputNorm,
  mlpOutputNorm,
  projectionPath,
  projections,
} from '../decoder-names';
import type { DropoutMasks, DropoutSite } from './dropout-masks';
import {
  activate,
  activateBack,
  project,
  projectHeads,
  ropeOf,
  type HeadNorms,
  type LayerContext,
  type MlpSaved,
} from './eager-layer';
import { norm, normBack, type NormSaved } from './eager-norm';

/** What is the same for all blocks of one pass. */
export interface BlockContext extends LayerContext {
  dropout: DropoutMasks;
  shape: AttentionShape;
  maskOf: (layer: number) => Tensor;
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
  heads: HeadNorms | null;
  attention: AttentionSaved;
  attended: Tensor;
  /** Of what attention gives; null where that is added as it is. */
  attentionNorm: NormSaved | null;
  norm2: NormSaved;
  m: Tensor;
  mlp: MlpSaved;
  activation: Tensor;
  mlpNorm: NormSaved | null;
  masks: Masks;
}

const SITE_TARGETS: Record<DropoutSite, LoraTarget[]> = {
  'attention-in': ['q', 'k', 'v'],
  'attention-out': ['o'],
  'mlp-in': ['gate', 'up'],
  'mlp-out': ['down'],
};

function siteMask(context: BlockContext, layer: number, site: DropoutSite, like: Tensor): Tensor | null {
  const used = projections(context.config).some(
    (target) =>
      SITE_TARGETS[site].includes(target) &&
      context.weights.linear(projectionPath(layer, target)).lora !== null,
  );
  return used ? context.dropout.mask(layer, site, like.shape[0] ?? 0, like.shape[1] ?? 0) : null;
}

const normed = ({ config, weights }: BlockContext, name: string, x: Tensor) => {
  const { y, ...saved } = norm(config, (other) => weights.tensor(other), name, x);
  return { y, saved };
};

/** x plus what was worked out from it, normed first where the model norms outputs. */
function added(context: BlockContext, name: string, x: Tensor, output: Tensor) {
  if (!traitsOf(context.config).outputNorms) return { y: add(x, output), saved: null };
  const { y, saved } = normed(context, name, output);
  return { y: add(x, y), saved };
}

/** @param x [tokens, hidden]. @returns y, the same shape; both results belong to the caller. */
export function blockForward(
  context: BlockContext,
  layer: number,
  x: Tensor,
): { y: Tensor; saved: BlockSaved } {
  return scope(() => {
    const { y: n, saved: norm1 } = normed(context, inputNorm(layer), x);
    const attentionIn = siteMask(context, layer, 'attention-in', n);
    const { q, k, v, norms: heads } = projectHeads(context, layer, n, attentionIn);
    const { y: attended, saved: attentionSaved } = attention(q, k, v, context.maskOf(layer), context.shape);
    const attentionOut = siteMask(context, layer, 'attention-out', attended);
    const o = project(context, layer, 'o', attended, attentionOut);
    const { y: h, saved: attentionNormed } = added(context, attentionOutputNorm(layer), x, o);
    const { y: m, saved: norm2 } = normed(context, attentionNorm(layer), h);
    const mlpIn = siteMask(context, layer, 'mlp-in', m);
    const { activation, saved: mlp } = activate(context, layer, m, mlpIn);
    const mlpOut = siteMask(context, layer, 'mlp-out', activation);
    const down = project(context, layer, 'down', activation, mlpOut);
    const { y, saved: mlpNorm } = added(context, mlpOutputNorm(layer), h, down);
    const masks = { attentionIn, attentionOut, mlpIn, mlpOut };
    return {
      y,
      saved: {
        ...{ norm1, n, heads, attention: attentionSaved, attended, attentionNorm: attentionNormed },
        ...{ norm2, m, mlp, activation, mlpNorm, masks },
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
  if (window.wants(`${path}.bias`)) window.add(`${path}.bias`, biasGradient(dy));
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

type BackProjection = (target: LoraTarget, x: Tensor, dy: Tensor, mask: Tensor | null) => Tensor;

const backOf =
  (context: BlockContext, window: GradientWindow, layer: number): BackProjection =>
  (target, x, dy, mask) =>
    projectBack(context, window, projectionPath(layer, target), x, dy, mask);

function backThrough(
  { config, weights }: BlockContext,
  name: string,
  dy: Tensor,
  saved: NormSaved,
  window: GradientWindow,
): Tensor {
  return normBack(config, (other) => weights.tensor(other), name, dy, saved, window);
}

function mlpBackward(
  context: BlockContext,
  layer: number,
  dy: Tensor,
  saved: BlockSaved,
  window: GradientWindow,
): Tensor {
  const back = backOf(context, window, layer);
  const { mlpIn, mlpOut } = saved.masks;
  const dOutput =
    saved.mlpNorm === null ? dy : backThrough(context, mlpOutputNorm(layer), dy, saved.mlpNorm, window);
  const { dGate, dUp } = activateBack(back('down', saved.activation, dOutput, mlpOut), saved.mlp);
  const fromUp = back('up', saved.m, dUp, mlpIn);
  const dm = dGate === null ? fromUp : add(back('gate', saved.m, dGate, mlpIn), fromUp);
  return backThrough(context, attentionNorm(layer), dm, saved.norm2, window);
}

/** @param d by the rotated heads, [tokens, heads, headSize]. @returns by the projection's output, [tokens, width]. */
function headsBack(
  context: BlockContext,
  layer: number,
  of: 'q' | 'k',
  d: Tensor,
  saved: HeadNorms | null,
  window: GradientWindow,
): Tensor {
  const [tokens = 0, heads = 0, headSize = 0] = d.shape;
  const turnedBack = ropeGradient(d, ropeOf(context, layer));
  if (saved === null) return reshape(turnedBack, [tokens, heads * headSize]);
  const rows = reshape(turnedBack, [tokens * heads, headSize]);
  const byHead = backThrough(context, headNorm(layer, of), rows, saved[of], window);
  return reshape(byHead, [tokens, heads * headSize]);
}

function attentionBackward(
  context: BlockContext,
  layer: number,
  dh: Tensor,
  saved: BlockSaved,
  window: GradientWindow,
): Tensor {
  const { shape } = context;
  const back = backOf(context, window, layer);
  const { attentionIn, attentionOut } = saved.masks;
  const dOutput =
    saved.attentionNorm === null
      ? dh
      : backThrough(context, attentionOutputNorm(layer), dh, saved.attentionNorm, window);
  const dAttended = back('o', saved.attended, dOutput, attentionOut);
  const { dq, dk, dv } = attentionGradient(dAttended, saved.attention, shape);
  const fromQ = back('q', saved.n, headsBack(context, layer, 'q', dq, saved.heads, window), attentionIn);
  const fromK = back('k', saved.n, headsBack(context, layer, 'k', dk, saved.heads, window), attentionIn);
  const flatV = reshape(dv, [shape.rows * shape.length, shape.kvHeads * shape.headSize]);
  const fromV = back('v', saved.n, flatV, attentionIn);
  return backThrough(context, inputNorm(layer), add(add(fromQ, fromK), fromV), saved.norm1, window);
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
