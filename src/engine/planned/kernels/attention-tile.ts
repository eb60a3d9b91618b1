// What the attention kernels have in common: how heads lie in the rows of an array, the width of loads, the piece of a
// sequence that a workgroup works on, and the range of tokens that piece can see. Generates WGSL, runs nothing.
import { float } from '../kernel';

export interface AttentionShape {
  /** Sequences, one after another. */
  rows: number;
  /** Tokens of a sequence. */
  length: number;
  heads: number;
  /** Divides `heads`. */
  kvHeads: number;
  /** Even. */
  headSize: number;
  /** A token sees itself and the `window - 1` tokens before it; null or absent: all before it. */
  window?: number | null;
}

/** Tiles compute the same numbers; which are fast depends on the device and the head size. */
export interface AttentionVariant {
  /** Invocations of a workgroup. */
  lanes: number;
  /** Query rows (a token of a head) that one invocation holds in registers in the forward pass. */
  forwardRows: number;
  /** The same for the gradient by the queries. */
  queryRows: number;
  /** Keys that one invocation holds in registers for the gradient by keys and values. */
  keyRows: number;
  /** Bytes of workgroup memory for keys and values in the forward pass; 0 reads them from storage. */
  sharedBytes: number;
}

export const LOG2_E = Math.LOG2E;
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** How a head is loaded: `chunks` vectors of `type`. */
export interface HeadVector {
  width: number;
  chunks: number;
  type: string;
  storage: string;
  /** Zero of the type. */
  zero: string;
  /** Sum of a vector's elements. */
  total: (vector: string) => string;
}

export function headVector(headSize: number): HeadVector {
  const width = headSize % 4 === 0 ? 4 : headSize % 2 === 0 ? 2 : 1;
  const type = width === 1 ? 'f32' : `vec${width}<f32>`;
  const parts = ['x', 'y', 'z', 'w'].slice(0, width);
  return {
    width,
    chunks: headSize / width,
    type,
    storage: `array<${type}>`,
    zero: `${type}(0.0)`,
    total: (vector) => (width === 1 ? vector : `(${parts.map((part) => `${vector}.${part}`).join(' + ')})`),
  };
}

/**
 * Code for every vector of a head, `c`. Loads from storage are much code on software adapters, so what runs once stays a
 * loop; what runs per key is written out.
 */
export const eachChunk = (chunks: number, code: string): string =>
  `for (var c = 0u; c < ${chunks}u; c++) { ${code} }`;

/** Query rows of one invocation: `tokens` tokens of `heads` heads that share a key head. */
export interface RowTile {
  tokens: number;
  heads: number;
}

/** As many heads of a group as fit, then tokens: heads share the keys' loads and the mask. */
export function rowTile({ heads, kvHeads }: AttentionShape, rows: number): RowTile {
  const group = heads / kvHeads;
  const fitting = range(group)
    .map((index) => index + 1)
    .filter((count) => group % count === 0 && count <= rows);
  const shared = fitting.at(-1) ?? 1;
  return { heads: shared, tokens: Math.max(1, Math.floor(rows / shared)) };
}

/** Declares `low` and `high`: the block's segments are all between them. */
const SEGMENT_RANGE = `var low = segments[base + first];
var high = low;
for (var t = first + 1u; t < end; t++) {
  low = min(low, segments[base + t]);
  high = max(high, segments[base + t]);
}`;

/** Declares `start`: no token of the block sees one before it. The same in all lanes. */
export function visibleStart({ window }: AttentionShape): string {
  const earliest = typeof window === 'number' ? `first - min(first, ${window - 1}u)` : '0u';
  return `${SEGMENT_RANGE}
var start = ${earliest};
while (start < first && (segments[base + start] < low || segments[base + start] > high)) { start++; }`;
}

/** Declares `stop`: no token from there on sees one of the block. The same in all lanes. */
export function seenStop({ window }: AttentionShape): string {
  const latest = typeof window === 'number' ? `min(end + ${window - 1}u, length)` : 'length';
  return `${SEGMENT_RANGE}
var stop = ${latest};
while (stop > end && (segments[base + stop - 1u] < low || segments[base + stop - 1u] > high)) { stop--; }`;
}

/** Whether the token `query` sees the token `key`; both within the sequence. */
export function sees(
  { window }: AttentionShape,
  query: string,
  key: string,
  querySegment: string,
  keySegment: string,
): string {
  const near = typeof window === 'number' ? ` && ${query} < ${key} + ${window}u` : '';
  return `${key} <= ${query} && ${keySegment} == ${querySegment}${near}`;
}

/** Vectors per token of `qkv`, and where in it key and value heads begin. */
export function layoutOf({ heads, kvHeads, headSize }: AttentionShape): {
  stride: number;
  keys: number;
  values: number;
  outputStride: number;
} {
  const { chunks } = headVector(headSize);
  return {
    stride: (heads + 2 * kvHeads) * chunks,
    keys: heads * chunks,
    values: (heads + kvHeads) * chunks,
    outputStride: heads * chunks,
  };
}

export const scaleOf = ({ headSize }: AttentionShape): number => 1 / Math.sqrt(headSize);

/** Scores in units of log2, as `exp2` is what hardware has. */
export const logScale = (shape: AttentionShape): string => float(scaleOf(shape) * LOG2_E);

/** Shapes with the same name are the same work. */
export function shapeName({ rows, length, heads, kvHeads, headSize, window }: AttentionShape): string {
  return `${rows}x${length} ${heads}/${kvHeads}x${headSize}${typeof window === 'number' ? ` w${window}` : ''}`;
}
