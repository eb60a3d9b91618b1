// The Llama decoder as operations of the planned engine: the same function gives the plan of a training step, of an
// evaluation and of reading a prompt.
import {
  attention,
  crossEntropy,
  embedding,
  linear,
  rmsNorm,
  rope,
  swiglu,
  type LabelInputs,
  type LinearWeights,
  type Parameter,
  type RopeTables,
  type Tape,
  type TokenInputs,
  type Value,
} from '../../../engine/planned';
import type { LlamaConfig } from '../llama-config';
import { attentionNorm, EMBEDDING, FINAL_NORM, HEAD, inputNorm } from '../llama-names';
import type { Site } from './weight-groups';

/** Where the recording finds the weights. */
export interface DecoderParameters {
  /** Embedding, head and norms by name. */
  parameter(name: string): Parameter;
  linear(layer: number, site: Site): LinearWeights;
}

export interface BatchInputs extends TokenInputs {
  /** u32 [tokens] */
  positions: Value;
  /** i32 [tokens] */
  segments: Value;
  labels: LabelInputs;
}

export interface BatchShape {
  rows: number;
  length: number;
}

export interface RecordOptions {
  /** Blocks leave nothing behind and are computed again on the way back. */
  recompute: boolean;
  gradients: boolean;
}

function block(
  tape: Tape,
  config: LlamaConfig,
  weights: DecoderParameters,
  { positions, segments }: BatchInputs,
  tables: RopeTables,
  shape: BatchShape,
  layer: number,
  x: Value,
): Value {
  const heads = { heads: config.heads, kvHeads: config.kvHeads, headSize: config.headSize };
  const n = rmsNorm(tape, x, weights.parameter(inputNorm(layer)), config.rmsNormEpsilon);
  const qkv = linear(tape, n, weights.linear(layer, 'attention-in'));
  rope(tape, qkv, tables, positions, heads);
  const attended = attention(tape, qkv, segments, { ...shape, ...heads });
  const h = linear(tape, attended, weights.linear(layer, 'attention-out'), x);
  const m = rmsNorm(tape, h, weights.parameter(attentionNorm(layer)), config.rmsNormEpsilon);
  const activation = swiglu(tape, linear(tape, m, weights.linear(layer, 'mlp-in')));
  return linear(tape, activation, weights.linear(layer, 'mlp-out'), h);
}

/** Summed loss into `loss` (f32 [1]); with gradients, these are added to those of the parameters. */
export function recordLoss(
  tape: Tape,
  config: LlamaConfig,
  weights: DecoderParameters,
  inputs: BatchInputs,
  tables: RopeTables,
  shape: BatchShape,
  loss: Value,
  { recompute, gradients }: RecordOptions,
): void {
  let x = embedding(tape, weights.parameter(EMBEDDING), inputs);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const part = (tape: Tape, input: Value): Value =>
      block(tape, config, weights, inputs, tables, shape, layer, input);
    x = recompute && gradients ? tape.recomputed(x, part) : part(tape, x);
  }
  const hidden = rmsNorm(tape, x, weights.parameter(FINAL_NORM), config.rmsNormEpsilon);
  const head = weights.parameter(config.tiedHead ? EMBEDDING : HEAD);
  crossEntropy(tape, hidden, head, inputs.labels, loss, gradients);
  if (gradients) tape.backward();
}
