// Attention of new tokens over a paged cache of keys and values: decoding (one token of each of several sequences) and
// prefill in pieces (many tokens of one) are the same kernels. Where there are few tokens, the cached ones are divided
// among invocations and their sums put together afterwards (Dao et al. 2023, Flash-Decoding). The pools are the cache's.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Recorder, Value } from '../recorder';
import { headVector, layoutOf, logScale, range, rowTile, type AttentionShape } from './attention-tile';

/** Tokens of a page. */
export const PAGE_TOKENS = 32;

/** Position of a token that is none: nothing of it is stored, its output is 0. */
export const NO_POSITION = 0xffff_ffff;

/** Invocations that keep a device busy. */
const ENOUGH_INVOCATIONS = 2048;

export interface CacheShape {
  /** New tokens. */
  tokens: number;
  /** Pages that a sequence can have. */
  maxPages: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  window?: number | null;
}

export interface CachedOperands {
  /** [tokens, (heads + 2 * kvHeads) * headSize], queries and keys rotated. */
  qkv: Value;
  /** Pool of rotated keys, [pages, kvHeads, 32, headSize]. */
  keys: Value;
  /** Pool of values, [pages, kvHeads, 32, headSize]. */
  values: Value;
  /** u32 [sequences, maxPages]: the pages of a sequence in the pools. */
  pageTable: Value;
  /** u32 [tokens]: position in the sequence, or NO_POSITION. */
  positions: Value;
  /** u32 [tokens]: row of the page table; null when token i belongs to row i. */
  sequences: Value | null;
}

const U32 = 'array<u32>';

const sequenceBinding = (sequences: Value | null): Kernel['bindings'] =>
  sequences === null ? [] : [reads('sequences', U32)];

const sequenceOf = (sequences: Value | null): string => (sequences === null ? 'token' : 'sequences[token]');

const attentionShape = ({ tokens, ...heads }: CacheShape): AttentionShape => ({
  rows: 1,
  length: tokens,
  ...heads,
});

/** Stores the keys and values of the new tokens in their pages. Before `cachedAttention` of the same tokens. */
export function writeKeyValue(recorder: Recorder, operands: CachedOperands, shape: CacheShape): void {
  const { qkv, keys, values, pageTable, positions, sequences } = operands;
  const { tokens, maxPages, kvHeads, headSize } = shape;
  const { chunks, storage } = headVector(headSize);
  const layout = layoutOf(attentionShape(shape));
  const grid = linearGrid(tokens * kvHeads * chunks);
  const kernel: Kernel = {
    name: `write key value ${tokens}x${kvHeads}x${headSize}`,
    bindings: [
      reads('qkv', storage),
      reads('pageTable', U32),
      reads('positions', U32),
      ...sequenceBinding(sequences),
      writes('keys', storage),
      writes('values', storage),
    ],
    code: `${grid.signature} { ${grid.index}
  let token = index / ${kvHeads * chunks}u;
  let part = index % ${kvHeads * chunks}u;
  let position = positions[token];
  let page = position / ${PAGE_TOKENS}u;
  if (page >= ${maxPages}u) { return; }
  let head = pageTable[${sequenceOf(sequences)} * ${maxPages}u + page] * ${kvHeads}u + part / ${chunks}u;
  let at = (head * ${PAGE_TOKENS}u + position % ${PAGE_TOKENS}u) * ${chunks}u + part % ${chunks}u;
  keys[at] = qkv[token * ${layout.stride}u + ${layout.keys}u + part];
  values[at] = qkv[token * ${layout.stride}u + ${layout.values}u + part];
}`,
    workgroups: grid.workgroups,
    flops: 0,
  };
  const rows = sequences === null ? [] : [sequences];
  recorder.dispatch(kernel, [qkv, pageTable, positions, ...rows, keys, values]);
}

interface Division {
  /** Heads of one invocation; they share a key head. */
  heads: number;
  /** Pieces that a sequence's pages are divided into. */
  splits: number;
}

function divisionOf(shape: CacheShape): Division {
  const { tokens, maxPages, heads, headSize } = shape;
  const tile = rowTile(attentionShape(shape), Math.max(1, Math.floor(128 / headSize)));
  const wanted = Math.ceil(ENOUGH_INVOCATIONS / (tokens * (heads / tile.heads)));
  const pages = Math.ceil(maxPages / Math.min(wanted, maxPages));
  return { heads: tile.heads, splits: Math.ceil(maxPages / pages) };
}

/**
 * Bindings: qkv, keys, values, pageTable, positions, sequences where given, sums [tokens, heads, splits, headSize] not yet
 * divided, and weights [tokens, heads, splits, 2]: the highest score in units of log2 and what to divide by.
 */
function partKernel(shape: CacheShape, division: Division, sequences: Value | null): Kernel {
  const { tokens, maxPages, heads, kvHeads, headSize, window } = shape;
  const { splits } = division;
  const { chunks, storage, type, zero, total } = headVector(headSize);
  const { stride } = layoutOf(attentionShape(shape));
  const sets = heads / division.heads;
  const pages = Math.ceil(maxPages / splits);
  const grid = linearGrid(tokens * sets * splits, 4);
  const rows = range(division.heads);
  const parts = range(chunks);
  const setUp = rows.flatMap((r) => [
    `let h${r} = headSet * ${division.heads}u + ${r}u; var m${r} = -1e30; var l${r} = 0.0;`,
    ...parts.map(
      (
        c,
      ) => `let q${r}_${c} = qkv[token * ${stride}u + h${r} * ${chunks}u + ${c}u] * ${logScale(attentionShape(shape))};
var o${r}_${c} = ${zero};`,
    ),
  ]);
  const body = [
    ...rows.map((r) => `var s${r} = ${zero};`),
    ...parts.flatMap((c) => [
      `let y${c} = keys[at + ${c}u];`,
      ...rows.map((r) => `s${r} = fma(q${r}_${c}, y${c}, s${r});`),
    ]),
    ...rows.map(
      (r) => `let z${r} = ${total(`s${r}`)}; let n${r} = max(m${r}, z${r});
let f${r} = exp2(m${r} - n${r}); let w${r} = exp2(z${r} - n${r});
m${r} = n${r}; l${r} = fma(l${r}, f${r}, w${r});`,
    ),
    ...parts.flatMap((c) => [
      `let x${c} = values[at + ${c}u];`,
      ...rows.map((r) => `o${r}_${c} = fma(${type}(w${r}), x${c}, o${r}_${c} * f${r});`),
    ]),
  ];
  const store = rows.flatMap((r) => [
    `let to${r} = (token * ${heads}u + h${r}) * ${splits}u + split;
weights[to${r}] = vec2<f32>(m${r}, l${r});`,
    ...parts.map((c) => `sums[to${r} * ${chunks}u + ${c}u] = o${r}_${c};`),
  ]);
  return {
    name: `cached attention ${tokens}x${maxPages} ${heads}/${kvHeads}x${headSize}`,
    bindings: [
      reads('qkv', storage),
      reads('keys', storage),
      reads('values', storage),
      reads('pageTable', U32),
      reads('positions', U32),
      ...sequenceBinding(sequences),
      writes('sums', storage),
      writes('weights', 'array<vec2<f32>>'),
    ],
    code: `${grid.signature} { ${grid.index}
let headSet = index % ${sets}u;
let split = index / ${sets}u % ${splits}u;
let token = index / ${sets * splits}u;
let kvHead = headSet / ${sets / kvHeads}u;
let row = ${sequenceOf(sequences)} * ${maxPages}u;
// One past the last position the token sees: 0 for NO_POSITION, which wraps around.
let visible = positions[token] + 1u;
let first = max(split * ${pages * PAGE_TOKENS}u, ${typeof window === 'number' ? `visible - min(visible, ${window}u)` : '0u'});
let end = min(visible, ${pages * PAGE_TOKENS}u * (split + 1u));
${setUp.join('\n')}
for (var position = first; position < end; position++) {
let page = pageTable[row + position / ${PAGE_TOKENS}u] * ${kvHeads}u + kvHead;
let at = (page * ${PAGE_TOKENS}u + position % ${PAGE_TOKENS}u) * ${chunks}u;
${body.join('\n')}
}
${store.join('\n')}
}`,
    workgroups: grid.workgroups,
    flops: 4 * tokens * heads * headSize * maxPages * PAGE_TOKENS,
  };
}

/** Bindings: sums, weights, output [tokens, heads * headSize]. One invocation per vector of the output. */
function joinKernel({ tokens, heads, headSize }: CacheShape, splits: number): Kernel {
  const { chunks, storage, zero } = headVector(headSize);
  const grid = linearGrid(tokens * heads * chunks);
  return {
    name: `cached attention join ${tokens}x${heads}x${headSize} of ${splits}`,
    bindings: [reads('sums', storage), reads('weights', 'array<vec2<f32>>'), writes('output', storage)],
    code: `${grid.signature} { ${grid.index}
  let part = index / ${chunks}u * ${splits}u;
  var highest = -1e30;
  for (var i = part; i < part + ${splits}u; i++) { highest = max(highest, weights[i].x); }
  var sum = ${zero};
  var divisor = 0.0;
  for (var i = part; i < part + ${splits}u; i++) {
    let factor = exp2(weights[i].x - highest);
    sum += sums[i * ${chunks}u + index % ${chunks}u] * factor;
    divisor += weights[i].y * factor;
  }
  output[index] = select(${zero}, sum / divisor, divisor > 0.0);
}`,
    workgroups: grid.workgroups,
    flops: 4 * tokens * heads * headSize * splits,
  };
}

/**
 * Every new token attends to the cached tokens of its sequence up to its own position, itself among them: store the new
 * ones first. @returns [tokens, heads * headSize].
 */
export function cachedAttention(recorder: Recorder, operands: CachedOperands, shape: CacheShape): Value {
  const { qkv, keys, values, pageTable, positions, sequences } = operands;
  const { tokens, heads, headSize } = shape;
  const division = divisionOf(shape);
  const parts = [tokens, heads, division.splits];
  const sums = recorder.temporary('cached attention sums', [...parts, headSize]);
  const weights = recorder.temporary('cached attention weights', [...parts, 2]);
  const output = recorder.temporary('cached attention', [tokens, heads * headSize]);
  const rows = sequences === null ? [] : [sequences];
  recorder.dispatch(partKernel(shape, division, sequences), [
    ...[qkv, keys, values, pageTable, positions],
    ...rows,
    sums,
    weights,
  ]);
  recorder.dispatch(joinKernel(shape, division.splits), [sums, weights, output]);
  return output;
}
