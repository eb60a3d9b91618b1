// The decoder as operations of the planned engine: the same function gives the plan of a training step, of an
// evaluation and of reading a prompt.
import {
  addStackedLora,
  attention,
  cachedAttention,
  canAttendTurned,
  crossEntropy,
  embedding,
  gatherRows,
  isFusable,
  linear,
  normedProduct,
  normedSwiglu,
  rmsNorm,
  rope,
  sampleToken,
  swiglu,
  turnedAttention,
  weightProduct,
  writeKeyValue,
  type LabelInputs,
  type LinearWeights,
  type LoraStack,
  type Norm,
  type PagePool,
  type Parameter,
  type RopeTables,
  type StackedSite,
  type Tape,
  type TokenInputs,
  type Value,
} from '../../../engine/planned';
import type { DecoderConfig } from '../decoder-config';
import { attentionNorm, EMBEDDING, FINAL_NORM, HEAD, inputNorm } from '../decoder-names';
import { SITE_NAMES, type Site } from './weight-groups';

/** The adapters' matrices of one layer. */
type LayerStack = LoraStack & Pick<ReadAdapters, 'siteOf'>;

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

const headShape = ({ heads, kvHeads, headSize, slidingWindow = null }: DecoderConfig) => ({
  ...{ heads, kvHeads, headSize },
  window: slidingWindow,
});

/** @param attend from the projections, not yet rotated, to what the heads found. */
function block(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  layer: number,
  x: Value,
  attend: (tape: Tape, qkv: Value) => Value,
): Value {
  const n = rmsNorm(tape, x, weights.parameter(inputNorm(layer)), config.normEpsilon);
  const qkv = linear(tape, n, weights.linear(layer, 'attention-in'));
  const attended = attend(tape, qkv);
  const h = linear(tape, attended, weights.linear(layer, 'attention-out'), x);
  const m = rmsNorm(tape, h, weights.parameter(attentionNorm(layer)), config.normEpsilon);
  const activation = swiglu(tape, linear(tape, m, weights.linear(layer, 'mlp-in')));
  return linear(tape, activation, weights.linear(layer, 'mlp-out'), h);
}

/** The product of a site, with a norm in front of it, and what adapters add to it. */
function readSite(
  tape: Tape,
  x: Value,
  { weight }: LinearWeights,
  norm: Norm | null,
  residual: Value | null,
  addAdapters: (x: Value, norm: Norm | null, y: Value) => void,
): Value {
  const { recorder } = tape;
  const [rows = 0] = x.shape;
  const y = recorder.temporary('y', [rows, weight.value.shape[0] ?? 0]);
  const isFused = norm !== null && isFusable(rows, weight);
  const input = isFused || norm === null ? x : rmsNorm(tape, x, norm.weight, norm.epsilon);
  if (isFused) normedProduct(recorder, x, norm, weight, y);
  else weightProduct(recorder, input, weight, y, residual);
  addAdapters(input, isFused ? norm : null, y);
  return y;
}

/** A block without gradients: norms and SwiGLU go along with the products beside them, where these can take them. */
function readBlock(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  layer: number,
  x: Value,
  attend: (tape: Tape, qkv: Value) => Value,
  stack: LayerStack | null,
): Value {
  const linears = SITE_NAMES.map((site) => weights.linear(layer, site));
  if (linears.some(({ lora }) => lora !== null)) return block(tape, config, weights, layer, x, attend);
  const { recorder } = tape;
  const normOf = (name: string) => ({ weight: weights.parameter(name), epsilon: config.normEpsilon });
  const read = (site: Site, from: Value, norm: Norm | null, residual: Value | null): Value =>
    readSite(tape, from, weights.linear(layer, site), norm, residual, (input, ahead, y) => {
      if (stack !== null) addStackedLora(recorder, input, ahead, stack, stack.siteOf(site), y);
    });
  const qkv = read('attention-in', x, normOf(inputNorm(layer)), null);
  const h = read('attention-out', attend(tape, qkv), null, x);
  const mlpIn = weights.linear(layer, 'mlp-in').weight;
  const mlpNorm = normOf(attentionNorm(layer));
  const activation =
    stack === null && isFusable(h.shape[0] ?? 0, mlpIn)
      ? normedSwiglu(recorder, h, mlpNorm, mlpIn)
      : swiglu(tape, read('mlp-in', h, mlpNorm, null));
  return read('mlp-out', activation, null, h);
}

/** Summed loss into `loss` (f32 [1]); with gradients, these are added to those of the parameters. */
export function recordLoss(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  inputs: BatchInputs,
  tables: RopeTables,
  shape: BatchShape,
  loss: Value,
  { recompute, gradients }: RecordOptions,
): void {
  const heads = headShape(config);
  const attend = (tape: Tape, qkv: Value): Value => {
    rope(tape, qkv, tables, inputs.positions, heads);
    return attention(tape, qkv, inputs.segments, { ...shape, ...heads });
  };
  let x = embedding(tape, weights.parameter(EMBEDDING), inputs);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const part = (tape: Tape, input: Value): Value => block(tape, config, weights, layer, input, attend);
    x = recompute && gradients ? tape.recomputed(x, part) : part(tape, x);
  }
  const hidden = rmsNorm(tape, x, weights.parameter(FINAL_NORM), config.normEpsilon);
  const head = weights.parameter(config.tiedHead ? EMBEDDING : HEAD);
  crossEntropy(tape, hidden, head, inputs.labels, loss, gradients);
  if (gradients) tape.backward();
}

/** New tokens of one or several sequences, with the caches they belong to. */
export interface CachedInputs {
  /** Ids, u32 [tokens]. */
  ids: Value;
  /** u32 [tokens]; NO_POSITION for a token that only fills a place. */
  positions: Value;
  /** u32 [sequences, pages] */
  pageTable: Value;
  /** Row of the page table of each token, u32 [tokens]. */
  sequences: Value;
  /** Tokens whose logits are wanted, u32 [wanted]. */
  last: Value;
}

/** Adapters of which each token may have another one. */
export interface ReadAdapters {
  /** Of each token, or NO_ADAPTER; u32 [tokens]. */
  slots: Value;
  table: Value;
  entries: number;
  /** Of each layer. */
  layers: readonly Value[];
  rank: number;
  siteOf(site: Site): StackedSite;
}

/** What a plan that reads tokens leaves besides keys and values in the pool. */
export type ReadResult =
  | { kind: 'nothing' }
  /** Of the wanted tokens, [wanted, vocabulary]. */
  | { kind: 'logits'; logits: Value }
  /** The tokens that follow the wanted ones, u32 [wanted]; chosen as `sampleToken` does. */
  | { kind: 'token'; settings: Value; seen: Value; chosen: Value };

/** Reads tokens; keys and values of all of them go to the pool. */
export function recordRead(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  inputs: CachedInputs,
  tables: RopeTables,
  pool: PagePool,
  result: ReadResult,
  adapters: ReadAdapters | null = null,
): void {
  const { ids, positions, pageTable, sequences, last } = inputs;
  const heads = headShape(config);
  const shape = { tokens: ids.shape[0] ?? 0, maxPages: pageTable.shape[1] ?? 0, ...heads };
  const { recorder } = tape;
  const isDecoding = shape.tokens === pageTable.shape[0] && canAttendTurned(heads);
  let x = embedding(tape, weights.parameter(EMBEDDING), { ids, sortedIds: ids, order: ids });
  for (let layer = 0; layer < config.layers; layer += 1) {
    const keys = pool.keys[layer] as Value;
    const values = pool.values[layer] as Value;
    const attend = (_: Tape, qkv: Value): Value => {
      const operands = { qkv, keys, values, pageTable, positions };
      if (isDecoding) return turnedAttention(recorder, operands, shape, tables);
      writeKeyValue(recorder, { ...operands, sequences }, shape, tables);
      return cachedAttention(recorder, { ...operands, sequences }, shape);
    };
    const matrices = adapters?.layers[layer];
    const stack = adapters === null || matrices === undefined ? null : { ...adapters, matrices };
    x = readBlock(tape, config, weights, layer, x, attend, stack);
  }
  if (result.kind === 'nothing') return;
  const wanted = last.shape[0] ?? 0;
  // With a token of each sequence, these are the wanted ones.
  const hidden = wanted === shape.tokens ? x : gatherRows(recorder, x, last);
  const norm = { weight: weights.parameter(FINAL_NORM), epsilon: config.normEpsilon };
  const head = weights.parameter(config.tiedHead ? EMBEDDING : HEAD);
  const logits =
    result.kind === 'logits' ? result.logits : recorder.temporary('logits', [wanted, config.vocabSize]);
  if (isFusable(wanted, head)) normedProduct(recorder, hidden, norm, head, logits);
  else weightProduct(recorder, rmsNorm(tape, hidden, norm.weight, norm.epsilon), head, logits);
  if (result.kind === 'token') sampleToken(recorder, logits, result, result.chosen);
}
