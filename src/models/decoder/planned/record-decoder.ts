// The decoder as operations of the planned engine: the same function gives the plan of a training step, of an
// evaluation and of reading a prompt.
import {
  activate,
  add,
  addBias,
  addStackedLora,
  attention,
  cachedAttention,
  canAttendTurned,
  crossEntropy,
  embedding,
  gatedActivation,
  gatherRows,
  headNorm,
  isFusable,
  layerNorm,
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
  type StackedSite,
  type Tape,
  type TokenInputs,
  type Value,
} from '../../../engine/planned';
import { traitsOf, windowOf, type DecoderConfig } from '../decoder-config';
import {
  attentionNorm,
  attentionOutputNorm,
  biasOf,
  EMBEDDING,
  FINAL_NORM,
  HEAD,
  headNorm as headNormName,
  inputNorm,
  mlpOutputNorm,
  POSITIONS,
} from '../decoder-names';
import { tablesOf, type LayerTables } from './rope-buffers';
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
  /** As ids of a table of positions. */
  positions: TokenInputs;
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

const headShape = (config: DecoderConfig, layer: number) => {
  const { heads, kvHeads, headSize } = config;
  return { heads, kvHeads, headSize, window: windowOf(config, layer) };
};

/** What all of a layer's parts are recorded with. */
interface Layer {
  tape: Tape;
  config: DecoderConfig;
  weights: DecoderParameters;
  layer: number;
}

function normed({ tape, config, weights }: Omit<Layer, 'layer'>, name: string, x: Value): Value {
  const weight = weights.parameter(name);
  if (traitsOf(config).norm === 'rms') return rmsNorm(tape, x, weight, config.normEpsilon);
  return layerNorm(tape, x, { weight, bias: weights.parameter(biasOf(name)) }, config.normEpsilon);
}

/** Queries and keys normed by head, where the model does that. */
function normedHeads({ tape, config, weights, layer }: Layer, qkv: Value): Value {
  if (!traitsOf(config).headNorms) return qkv;
  const of = (name: 'q' | 'k'): Parameter => weights.parameter(headNormName(layer, name));
  return headNorm(tape, qkv, { q: of('q'), k: of('k') }, config, config.normEpsilon);
}

/** @param mlpIn gate and up beside each other, or up alone. */
function activated({ tape, config }: Layer, mlpIn: Value): Value {
  const { mlp } = traitsOf(config);
  if (mlp === 'swiglu') return swiglu(tape, mlpIn);
  return mlp === 'geglu' ? gatedActivation(tape, mlpIn, 'gelu-tanh') : activate(tape, mlpIn, 'gelu-tanh');
}

/** The rows of tokens, with those of their positions where these are learned. */
function embedded(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  tokens: TokenInputs,
  positions: TokenInputs,
): Value {
  const traits = traitsOf(config);
  const x = embedding(tape, weights.parameter(EMBEDDING), tokens, traits.embeddingScale);
  if (traits.positions !== 'learned') return x;
  return add(tape, x, embedding(tape, weights.parameter(POSITIONS), positions));
}

/** @param attend from the projections, not yet rotated, to what the heads found. */
function block(part: Layer, x: Value, attend: (tape: Tape, qkv: Value) => Value): Value {
  const { tape, config, weights, layer } = part;
  /** x plus a projection, which is normed first where the model does that. */
  const plus = (input: Value, site: Site, norm: string, residual: Value): Value =>
    traitsOf(config).outputNorms
      ? add(tape, residual, normed(part, norm, linear(tape, input, weights.linear(layer, site))))
      : linear(tape, input, weights.linear(layer, site), residual);
  const n = normed(part, inputNorm(layer), x);
  const qkv = normedHeads(part, linear(tape, n, weights.linear(layer, 'attention-in')));
  const h = plus(attend(tape, qkv), 'attention-out', attentionOutputNorm(layer), x);
  const m = normed(part, attentionNorm(layer), h);
  const activation = activated(part, linear(tape, m, weights.linear(layer, 'mlp-in')));
  return plus(activation, 'mlp-out', mlpOutputNorm(layer), h);
}

/** What adapters add to a site's product. @param ahead a norm that x has not been through yet. */
type AddAdapters = (site: Site, x: Value, ahead: Norm | null, y: Value) => void;

/** The product of a site, with a norm in front of it, and what adapters and a bias add to it. */
function readSite(
  part: Layer,
  site: Site,
  x: Value,
  normName: string | null,
  residual: Value | null,
  addAdapters: AddAdapters,
): Value {
  const { tape, config, weights, layer } = part;
  const { weight, bias = null } = weights.linear(layer, site);
  const [rows = 0] = x.shape;
  const y = tape.recorder.temporary('y', [rows, weight.value.shape[0] ?? 0]);
  const fused = normName !== null && isFusedNorm(config, rows, weight) ? normOf(part, normName) : null;
  const input = fused !== null || normName === null ? x : normed(part, normName, x);
  if (fused === null) weightProduct(tape.recorder, input, weight, y, residual);
  else normedProduct(tape.recorder, x, fused, weight, y);
  addAdapters(site, input, fused, y);
  if (bias !== null) addBias(tape, y, bias);
  return y;
}

const isFusedNorm = (config: DecoderConfig, rows: number, weight: Parameter): boolean =>
  traitsOf(config).norm === 'rms' && isFusable(rows, weight);

const normOf = ({ config, weights }: Omit<Layer, 'layer'>, name: string): Norm => ({
  weight: weights.parameter(name),
  epsilon: config.normEpsilon,
});

/** A block without gradients: norms and SwiGLU go along with the products beside them, where these can take them. */
function readBlock(
  part: Layer,
  x: Value,
  attend: (tape: Tape, qkv: Value) => Value,
  stack: LayerStack | null,
): Value {
  const { tape, config, weights, layer } = part;
  if (SITE_NAMES.some((site) => weights.linear(layer, site).lora !== null)) return block(part, x, attend);
  const { outputNorms, mlp } = traitsOf(config);
  const addAdapters: AddAdapters = (site, input, ahead, y) => {
    if (stack !== null) addStackedLora(tape.recorder, input, ahead, stack, stack.siteOf(site), y);
  };
  const plus = (site: Site, input: Value, norm: string, residual: Value): Value =>
    outputNorms
      ? add(tape, residual, normed(part, norm, readSite(part, site, input, null, null, addAdapters)))
      : readSite(part, site, input, null, residual, addAdapters);
  const qkv = normedHeads(part, readSite(part, 'attention-in', x, inputNorm(layer), null, addAdapters));
  const h = plus('attention-out', attend(tape, qkv), attentionOutputNorm(layer), x);
  const { weight, bias = null } = weights.linear(layer, 'mlp-in');
  const isWhole = stack === null && mlp === 'swiglu' && bias === null;
  const activation =
    isWhole && isFusedNorm(config, h.shape[0] ?? 0, weight)
      ? normedSwiglu(tape.recorder, h, normOf(part, attentionNorm(layer)), weight)
      : activated(part, readSite(part, 'mlp-in', h, attentionNorm(layer), null, addAdapters));
  return plus('mlp-out', activation, mlpOutputNorm(layer), h);
}

/** Summed loss into `loss` (f32 [1]); with gradients, these are added to those of the parameters. */
export function recordLoss(
  tape: Tape,
  config: DecoderConfig,
  weights: DecoderParameters,
  inputs: BatchInputs,
  tables: LayerTables,
  shape: BatchShape,
  loss: Value,
  { recompute, gradients }: RecordOptions,
): void {
  let x = embedded(tape, config, weights, inputs, inputs.positions);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const heads = headShape(config, layer);
    const attend = (tape: Tape, qkv: Value): Value => {
      rope(tape, qkv, tablesOf(config, tables, layer), inputs.positions.ids, heads);
      return attention(tape, qkv, inputs.segments, { ...shape, ...heads });
    };
    const part = (tape: Tape, input: Value): Value => block({ tape, config, weights, layer }, input, attend);
    x = recompute && gradients ? tape.recomputed(x, part) : part(tape, x);
  }
  const hidden = normed({ tape, config, weights }, FINAL_NORM, x);
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
  tables: LayerTables,
  pool: PagePool,
  result: ReadResult,
  adapters: ReadAdapters | null = null,
): void {
  const { ids, positions, pageTable, sequences, last } = inputs;
  const { recorder } = tape;
  const tokens = ids.shape[0] ?? 0;
  const maxPages = pageTable.shape[1] ?? 0;
  const isDecoding = tokens === pageTable.shape[0] && canAttendTurned(config);
  const unsorted = (values: Value): TokenInputs => ({ ids: values, sortedIds: values, order: values });
  let x = embedded(tape, config, weights, unsorted(ids), unsorted(positions));
  for (let layer = 0; layer < config.layers; layer += 1) {
    const shape = { tokens, maxPages, ...headShape(config, layer) };
    const layerTables = tablesOf(config, tables, layer);
    const keys = pool.keys[layer] as Value;
    const values = pool.values[layer] as Value;
    const attend = (_: Tape, qkv: Value): Value => {
      const operands = { qkv, keys, values, pageTable, positions };
      if (isDecoding) return turnedAttention(recorder, operands, shape, layerTables);
      writeKeyValue(recorder, { ...operands, sequences }, shape, layerTables);
      return cachedAttention(recorder, { ...operands, sequences }, shape);
    };
    const matrices = adapters?.layers[layer];
    const stack = adapters === null || matrices === undefined ? null : { ...adapters, matrices };
    x = readBlock({ tape, config, weights, layer }, x, attend, stack);
  }
  if (result.kind === 'nothing') return;
  const wanted = last.shape[0] ?? 0;
  // With a token of each sequence, these are the wanted ones.
  const hidden = wanted === tokens ? x : gatherRows(recorder, x, last);
  const head = weights.parameter(config.tiedHead ? EMBEDDING : HEAD);
  const logits =
    result.kind === 'logits' ? result.logits : recorder.temporary('logits', [wanted, config.vocabSize]);
  const whole = { tape, config, weights };
  if (isFusedNorm(config, wanted, head)) {
    normedProduct(recorder, hidden, normOf(whole, FINAL_NORM), head, logits);
  } else {
    weightProduct(recorder, normed(whole, FINAL_NORM, hidden), head, logits);
  }
  if (result.kind === 'token') sampleToken(recorder, logits, result, result.chosen);
}
