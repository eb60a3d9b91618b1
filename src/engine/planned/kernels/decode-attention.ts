// Attention of new tokens over a paged cache of keys and values: decoding (one token of each of several sequences) and
// prefill in pieces (many tokens of one) are the same kernels. Where there are few tokens, the cached ones are divided
// among invocations and their sums put together afterwards (Dao et al. 2023, Flash-Decoding). The pools are the cache's.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { DeviceTraits, Recorder, Value } from '../recorder';
import { headVector, layoutOf, logScale, range, rowTile, type AttentionShape } from './attention-tile';
import { pairVector, type RopeTables } from './rope';

/** Tokens of a page. */
export const PAGE_TOKENS = 32;

/** Position of a token that is none: nothing of it is stored, its output is 0. */
export const NO_POSITION = 0xffff_ffff;

/** Invocations that keep a device busy, and the fewest pages that are worth a part of their own. */
const GPU_DIVISION = { invocations: 2048, pages: 1 };
const SOFTWARE_DIVISION = { invocations: 8, pages: 16 };

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

/** Turns element pairs of `heads` on the way, as `rope` does: the queries where they are, the keys into the pool. */
const turnedHead = (heads: number, half: number): string => `
  let angle = position * ${half}u + pair;
  let c = cosine[angle];
  let s = sine[angle];
  let x = qkv[source];
  let y = qkv[source + ${half}u];
  let first = x * c - y * s;
  let second = y * c + x * s;
  if (head < ${heads}u) {
    qkv[source] = first;
    qkv[source + ${half}u] = second;
    return;
  }
  keys[place] = first;
  keys[place + ${half}u] = second;`;

/** One invocation per vector of pairs of a head: of queries, too, where these are to be turned. */
function storeKernel(shape: CacheShape, sequences: Value | null, turns: boolean): Kernel {
  const { tokens, maxPages, heads, kvHeads, headSize } = shape;
  const { width, type } = pairVector(headSize / 2);
  const half = headSize / 2 / width;
  const [first, all] = [turns ? 0 : heads, heads + 2 * kvHeads];
  const grid = linearGrid(tokens * (all - first) * half);
  const store = (pool: string): string =>
    `${pool}[place] = qkv[source]; ${pool}[place + ${half}u] = qkv[source + ${half}u];`;
  const tables = turns ? [reads('cosine', type), reads('sine', type)] : [];
  return {
    name: `write key value ${tokens}x${kvHeads}x${headSize}${turns ? ' turned' : ''}`,
    bindings: [
      ...tables,
      turns ? writes('qkv', type) : reads('qkv', type),
      reads('pageTable', U32),
      reads('positions', U32),
      ...sequenceBinding(sequences),
      writes('keys', type),
      writes('values', type),
    ],
    code: `${grid.signature} { ${grid.index}
  let pair = index % ${half}u;
  let head = index / ${half}u % ${all - first}u + ${first}u;
  let token = index / ${(all - first) * half}u;
  let position = positions[token];
  let page = position / ${PAGE_TOKENS}u;
  if (page >= ${maxPages}u) { return; }
  let source = (token * ${all}u + head) * ${2 * half}u + pair;
  let row = pageTable[${sequenceOf(sequences)} * ${maxPages}u + page] * ${kvHeads}u + (head - ${heads}u) % ${kvHeads}u;
  let place = (row * ${PAGE_TOKENS}u + position % ${PAGE_TOKENS}u) * ${2 * half}u + pair;
  if (head >= ${heads + kvHeads}u) { ${store('values')} return; }
  ${turns ? turnedHead(heads, half) : store('keys')}
}`,
    workgroups: grid.workgroups,
    flops: turns ? 3 * tokens * (heads + kvHeads) * headSize : 0,
  };
}

/**
 * Stores the keys and values of the new tokens in their pages. Before `cachedAttention` of the same tokens.
 * @param tables with them, the queries and keys are turned first, as `rope` does; the keys in `qkv` stay as they are.
 */
export function writeKeyValue(
  recorder: Recorder,
  operands: CachedOperands,
  shape: CacheShape,
  tables: RopeTables | null = null,
): void {
  const { qkv, keys, values, pageTable, positions, sequences } = operands;
  recorder.dispatch(storeKernel(shape, sequences, tables !== null), [
    ...(tables === null ? [] : [tables.cosine, tables.sine]),
    ...[qkv, pageTable, positions],
    ...(sequences === null ? [] : [sequences]),
    ...[keys, values],
  ]);
}

interface Division {
  /** Heads of one invocation; they share a key head. */
  heads: number;
  /** Pieces that a sequence's pages are divided into. */
  splits: number;
}

function divisionOf(shape: CacheShape, { rowLanes }: DeviceTraits): Division {
  const enough = rowLanes === 1 ? SOFTWARE_DIVISION : GPU_DIVISION;
  const { tokens, maxPages, heads, headSize } = shape;
  const tile = rowTile(attentionShape(shape), Math.max(1, Math.floor(128 / headSize)));
  const wanted = Math.ceil(enough.invocations / (tokens * (heads / tile.heads)));
  const most = Math.max(1, Math.floor(maxPages / enough.pages));
  const pages = Math.ceil(maxPages / Math.min(wanted, most));
  return { heads: tile.heads, splits: Math.ceil(maxPages / pages) };
}

/** What `partKernel` generates code for. */
interface Step {
  division: Division;
  sequences: Value | null;
  /** Each token is the only new one of its sequence: it is turned and stored on the way, and attended to from registers. */
  alone: boolean;
}

/** A token's own key and value: turned, kept in registers, and stored by the first of those that share the key head. */
function ownToken(shape: CacheShape, sets: number, score: readonly string[]): string {
  const { heads, kvHeads } = shape;
  const { chunks } = headVector(shape.headSize);
  const { stride, keys, values } = layoutOf(attentionShape(shape));
  const half = chunks / 2;
  const load = range(half).flatMap((c) => [
    `let k${c} = qkv[key + ${c}u]; let k${c + half} = qkv[key + ${c + half}u];`,
    `let y${c} = k${c} * cos${c} - k${c + half} * sin${c}; let y${c + half} = k${c + half} * cos${c} + k${c} * sin${c};`,
  ]);
  const value = range(chunks).map((c) => `let x${c} = qkv[key + ${values - keys + c}u];`);
  const store = range(chunks).map((c) => `keys[at + ${c}u] = y${c}; values[at + ${c}u] = x${c};`);
  return `if (own >= first && own < last) {
let key = token * ${stride}u + ${heads * chunks}u + kvHead * ${chunks}u;
${[...load, ...value].join('\n')}
${score.join('\n')}
if (headSet % ${sets / kvHeads}u == 0u) {
let page = pageTable[row + own / ${PAGE_TOKENS}u] * ${kvHeads}u + kvHead;
let at = (page * ${PAGE_TOKENS}u + own % ${PAGE_TOKENS}u) * ${chunks}u;
${store.join('\n')}
}
}`;
}

/** Declares the queries `q`, scaled, and turned where the token is alone. */
function queries(shape: CacheShape, heads: number, alone: boolean): string {
  const { chunks } = headVector(shape.headSize);
  const { stride } = layoutOf(attentionShape(shape));
  const half = chunks / 2;
  const at = (r: number, c: number): string => `qkv[token * ${stride}u + h${r} * ${chunks}u + ${c}u]`;
  const scale = logScale(attentionShape(shape));
  const angles = range(half).map(
    (c) => `let cos${c} = cosine[own * ${half}u + ${c}u]; let sin${c} = sine[own * ${half}u + ${c}u];`,
  );
  const rows = range(heads).flatMap((r) =>
    alone
      ? range(half).flatMap((c) => [
          `let p${r}_${c} = ${at(r, c)} * ${scale}; let p${r}_${c + half} = ${at(r, c + half)} * ${scale};`,
          `let q${r}_${c} = p${r}_${c} * cos${c} - p${r}_${c + half} * sin${c};`,
          `let q${r}_${c + half} = p${r}_${c + half} * cos${c} + p${r}_${c} * sin${c};`,
        ])
      : range(chunks).map((c) => `let q${r}_${c} = ${at(r, c)} * ${scale};`),
  );
  return [...(alone ? angles : []), ...rows].join('\n');
}

/** Scores of the key `y` and what follows from them for the value `x`; online softmax. */
function scores(shape: CacheShape, heads: number): { keys: string[]; values: string[] } {
  const { chunks, type, zero, total } = headVector(shape.headSize);
  const rows = range(heads);
  const parts = range(chunks);
  const keys = [
    ...rows.map((r) => `var s${r} = ${zero};`),
    ...parts.flatMap((c) => rows.map((r) => `s${r} = fma(q${r}_${c}, y${c}, s${r});`)),
    ...rows.map(
      (r) => `let z${r} = ${total(`s${r}`)}; let n${r} = max(m${r}, z${r});
let f${r} = exp2(m${r} - n${r}); let w${r} = exp2(z${r} - n${r});
m${r} = n${r}; l${r} = fma(l${r}, f${r}, w${r});`,
    ),
  ];
  const values = parts.flatMap((c) =>
    rows.map((r) => `o${r}_${c} = fma(${type}(w${r}), x${c}, o${r}_${c} * f${r});`),
  );
  return { keys, values };
}

/**
 * Bindings: cosine and sine where the token is alone, qkv, pageTable, positions, sequences where given, keys, values, and
 * the output where there is one part. With more: parts [tokens, heads, splits, chunks + 1] of vectors: the sum not yet
 * divided, and behind it the highest score in units of log2 and what to divide by.
 */
function partKernel(shape: CacheShape, { division, sequences, alone }: Step): Kernel {
  const { tokens, maxPages, heads, kvHeads, headSize, window } = shape;
  const { splits } = division;
  const { chunks, storage, type, zero, width } = headVector(headSize);
  const sets = heads / division.heads;
  const pages = Math.ceil(maxPages / splits);
  const grid = linearGrid(tokens * sets * splits, 4);
  const rows = range(division.heads);
  const parts = range(chunks);
  const { keys, values } = scores(shape, division.heads);
  const setUp = rows.flatMap((r) => [
    `let h${r} = headSet * ${division.heads}u + ${r}u; var m${r} = -1e30; var l${r} = 0.0;`,
    ...parts.map((c) => `var o${r}_${c} = ${zero};`),
  ]);
  const body = [
    ...parts.map((c) => `let y${c} = keys[at + ${c}u];`),
    ...keys,
    ...parts.map((c) => `let x${c} = values[at + ${c}u];`),
    ...values,
  ];
  const whole = rows.flatMap((r) =>
    parts.map(
      (c) =>
        `output[(token * ${heads}u + h${r}) * ${chunks}u + ${c}u] = select(${zero}, o${r}_${c} / l${r}, l${r} > 0.0);`,
    ),
  );
  const rest = width === 4 ? ', 0.0, 0.0' : '';
  const partial = rows.flatMap((r) => [
    `let to${r} = ((token * ${heads}u + h${r}) * ${splits}u + split) * ${chunks + 1}u;`,
    ...parts.map((c) => `parts[to${r} + ${c}u] = o${r}_${c};`),
    `parts[to${r} + ${chunks}u] = ${type}(m${r}, l${r}${rest});`,
  ]);
  const pool = (name: string) => (alone ? writes(name, storage) : reads(name, storage));
  return {
    name: `cached attention ${tokens}x${maxPages} ${heads}/${kvHeads}x${headSize}${alone ? ' alone' : ''}`,
    bindings: [
      ...(alone ? [reads('cosine', storage), reads('sine', storage)] : []),
      ...[reads('qkv', storage), reads('pageTable', U32), reads('positions', U32)],
      ...sequenceBinding(sequences),
      ...[pool('keys'), pool('values'), writes(splits === 1 ? 'output' : 'parts', storage)],
    ],
    code: `${grid.signature} { ${grid.index}
let headSet = index % ${sets}u;
let split = index / ${sets}u % ${splits}u;
let token = index / ${sets * splits}u;
let kvHead = headSet / ${sets / kvHeads}u;
let row = ${sequenceOf(sequences)} * ${maxPages}u;
let own = positions[token];
// One past the last position the token sees: 0 for NO_POSITION, which wraps around.
let visible = own + 1u;
let last = ${pages * PAGE_TOKENS}u * (split + 1u);
let first = max(split * ${pages * PAGE_TOKENS}u, ${typeof window === 'number' ? `visible - min(visible, ${window}u)` : '0u'});
let end = min(${alone ? 'select(own, 0u, visible == 0u)' : 'visible'}, last);
${setUp.join('\n')}
${queries(shape, division.heads, alone)}
for (var position = first; position < end; position++) {
let page = pageTable[row + position / ${PAGE_TOKENS}u] * ${kvHeads}u + kvHead;
let at = (page * ${PAGE_TOKENS}u + position % ${PAGE_TOKENS}u) * ${chunks}u;
${body.join('\n')}
}
${alone ? ownToken(shape, sets, [...keys, ...values]) : ''}
${(splits === 1 ? whole : partial).join('\n')}
}`,
    workgroups: grid.workgroups,
    flops: 4 * tokens * heads * headSize * maxPages * PAGE_TOKENS,
  };
}

/** Bindings: parts, output [tokens, heads * headSize]. One invocation per vector of the output. */
function joinKernel({ tokens, heads, headSize }: CacheShape, splits: number): Kernel {
  const { chunks, storage, zero } = headVector(headSize);
  const grid = linearGrid(tokens * heads * chunks);
  const pitch = chunks + 1;
  return {
    name: `cached attention join ${tokens}x${heads}x${headSize} of ${splits}`,
    bindings: [reads('parts', storage), writes('output', storage)],
    code: `${grid.signature} { ${grid.index}
  let first = index / ${chunks}u * ${splits * pitch}u;
  let end = first + ${splits * pitch}u;
  var highest = -1e30;
  for (var i = first + ${chunks}u; i < end; i += ${pitch}u) { highest = max(highest, parts[i].x); }
  var sum = ${zero};
  var divisor = 0.0;
  for (var i = first; i < end; i += ${pitch}u) {
    let weights = parts[i + ${chunks}u];
    let factor = exp2(weights.x - highest);
    sum += parts[i + index % ${chunks}u] * factor;
    divisor += weights.y * factor;
  }
  output[index] = select(${zero}, sum / divisor, divisor > 0.0);
}`,
    workgroups: grid.workgroups,
    flops: 4 * tokens * heads * headSize * splits,
  };
}

function attend(
  recorder: Recorder,
  { qkv, keys, values, pageTable, positions, sequences }: CachedOperands,
  shape: CacheShape,
  tables: RopeTables | null,
): Value {
  const { tokens, heads, headSize } = shape;
  const division = divisionOf(shape, recorder.traits);
  const output = recorder.temporary('cached attention', [tokens, heads * headSize]);
  const rows = sequences === null ? [] : [sequences];
  const angles = tables === null ? [] : [tables.cosine, tables.sine];
  const inputs = [...angles, qkv, pageTable, positions, ...rows, keys, values];
  const kernel = partKernel(shape, { division, sequences, alone: tables !== null });
  if (division.splits === 1) {
    recorder.dispatch(kernel, [...inputs, output]);
    return output;
  }
  const { chunks, width } = headVector(headSize);
  const parts = recorder.temporary('parts of cached attention', [
    ...[tokens, heads, division.splits, chunks + 1, width],
  ]);
  recorder.dispatch(kernel, [...inputs, parts]);
  recorder.dispatch(joinKernel(shape, division.splits), [parts, output]);
  return output;
}

/**
 * Every new token attends to the cached tokens of its sequence up to its own position, itself among them: store the new
 * ones first. @returns [tokens, heads * headSize].
 */
export function cachedAttention(recorder: Recorder, operands: CachedOperands, shape: CacheShape): Value {
  return attend(recorder, operands, shape, null);
}

/** Whether `turnedAttention` has a kernel for heads of this size: their halves have to be vectors of four. */
export const canAttendTurned = ({ headSize }: Pick<CacheShape, 'headSize'>): boolean => headSize % 8 === 0;

/**
 * Decoding: token i is the only new one of sequence i. It is rotated and stored as `writeKeyValue` with tables does, and
 * attends as in `cachedAttention`, all in one dispatch. `qkv` stays as it is. @returns [tokens, heads * headSize].
 */
export function turnedAttention(
  recorder: Recorder,
  operands: Omit<CachedOperands, 'sequences'>,
  shape: CacheShape,
  tables: RopeTables,
): Value {
  return attend(recorder, { ...operands, sequences: null }, shape, tables);
}
