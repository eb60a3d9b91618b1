// The parts of a decoder layer on the engine's operations that whole batches and sessions with a cache have in common: from
// a norm's output to rotated heads, and the MLP. What the way back needs comes along; whoever needs none of it drops it.
import {
  geglu,
  gegluGradient,
  gelu,
  geluGradient,
  linear,
  reshape,
  rope,
  swiglu,
  swigluGradient,
  type RopeTables,
  type Tensor,
} from '../../../engine';
import type { LoraTarget } from '../../../protocol/models';
import { rotatesLocally, traitsOf, type DecoderConfig } from '../decoder-config';
import { headNorm, projectionPath } from '../decoder-names';
import type { DecoderWeights } from './decoder-weights';
import { norm, type NormSaved } from './eager-norm';

/** Angles of the layers that rotate by them. */
export interface LayerRopes {
  all: RopeTables;
  /** null where all layers rotate alike. */
  local: RopeTables | null;
}

/** What is the same for all layers of one pass. */
export interface LayerContext {
  config: DecoderConfig;
  weights: DecoderWeights;
  ropes: LayerRopes;
}

export function ropeOf({ config, ropes }: LayerContext, layer: number): RopeTables {
  return (rotatesLocally(config, layer) ? ropes.local : null) ?? ropes.all;
}

/** @param mask dropout of the side path's input. */
export function project(
  { weights }: LayerContext,
  layer: number,
  target: LoraTarget,
  x: Tensor,
  mask: Tensor | null,
): Tensor {
  return linear(x, weights.linear(projectionPath(layer, target)), mask);
}

export interface HeadNorms {
  q: NormSaved;
  k: NormSaved;
}

export interface Heads {
  /** Normed where the model norms heads, and rotated; [tokens, heads, headSize]. */
  q: Tensor;
  k: Tensor;
  v: Tensor;
  norms: HeadNorms | null;
}

/** @param n [tokens, hidden] */
export function projectHeads(context: LayerContext, layer: number, n: Tensor, mask: Tensor | null): Heads {
  const { heads, kvHeads, headSize } = context.config;
  const tokens = n.shape[0] ?? 0;
  const split = (target: 'q' | 'k' | 'v'): Tensor =>
    reshape(project(context, layer, target, n, mask), [tokens, target === 'q' ? heads : kvHeads, headSize]);
  const tables = ropeOf(context, layer);
  const v = split('v');
  if (!traitsOf(context.config).headNorms) {
    return { q: rope(split('q'), tables), k: rope(split('k'), tables), v, norms: null };
  }
  const q = normHeads(context, layer, 'q', split('q'));
  const k = normHeads(context, layer, 'k', split('k'));
  return { q: rope(q.y, tables), k: rope(k.y, tables), v, norms: { q: q.saved, k: k.saved } };
}

function normHeads({ config, weights }: LayerContext, layer: number, of: 'q' | 'k', x: Tensor) {
  const rows = reshape(x, [-1, config.headSize]);
  const { y, ...saved } = norm(config, (name) => weights.tensor(name), headNorm(layer, of), rows);
  return { y: reshape(y, x.shape), saved };
}

/** [tokens, intermediate] each. */
export interface MlpSaved {
  /** null where there is no gate. */
  gate: Tensor | null;
  up: Tensor;
  /** Of the gate; SwiGLU's only. */
  sigmoid: Tensor | null;
}

/** @param m [tokens, hidden]. @returns what the last projection reads. */
export function activate(
  context: LayerContext,
  layer: number,
  m: Tensor,
  mask: Tensor | null,
): { activation: Tensor; saved: MlpSaved } {
  const { mlp } = traitsOf(context.config);
  const up = project(context, layer, 'up', m, mask);
  if (mlp === 'gelu') return { activation: gelu(up, 'tanh'), saved: { gate: null, up, sigmoid: null } };
  const gate = project(context, layer, 'gate', m, mask);
  if (mlp === 'geglu') return { activation: geglu(gate, up, 'tanh'), saved: { gate, up, sigmoid: null } };
  const { activation, sigmoid } = swiglu(gate, up);
  return { activation, saved: { gate, up, sigmoid } };
}

/** Gradients by gate (null where there is none) and up. */
export function activateBack(
  dActivation: Tensor,
  { gate, up, sigmoid }: MlpSaved,
): { dGate: Tensor | null; dUp: Tensor } {
  if (gate === null) return { dGate: null, dUp: geluGradient(dActivation, up, 'tanh') };
  if (sigmoid === null) return gegluGradient(dActivation, gate, up, 'tanh');
  return swigluGradient(dActivation, gate, up, sigmoid);
}
