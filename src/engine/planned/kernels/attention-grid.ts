// The grid of an attention kernel: a workgroup has a tile, a set of heads for a block of tokens of a sequence. Sizes and
// the range of tiles are data, so that batches of any shape run the same code, and a long sequence is several dispatches
// that a device can rest between.
import { reads, spread, type Kernel } from '../kernel';
import type { Recorder, Value } from '../recorder';
import type { AttentionShape } from './attention-tile';

/** Of the numbers that a tile's code begins with. */
export const SIZES = reads('sizes', 'array<u32>');

export interface AttentionGrid {
  /** Tiles of a block: sets of heads that one workgroup works on. */
  headSets: number;
  /** Tokens of a block. */
  blockTokens: number;
  /** Whether a block works on the tokens up to its own, or on those from its own on. */
  sees: 'before' | 'after';
  /** Floating-point operations for a pair of a query and a key, over all heads of a tile. */
  flopsPerPair: number;
}

/** Declares `length`, `headSet`, `first` and `end` (tokens of the block in the sequence) and `base` (token of its start). */
export function tileBegin({ headSets, blockTokens }: AttentionGrid, lanes: number): string {
  return `@compute @workgroup_size(${lanes}) fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let length = sizes[0];
let blocks = sizes[1];
let tile = group.x + group.y * groups.x + sizes[2];
if (tile >= sizes[3]) { return; }
let headSet = tile % ${headSets}u;
let first = (tile / ${headSets}u) % blocks * ${blockTokens}u;
let base = tile / (${headSets}u * blocks) * length;
let end = min(first + ${blockTokens}u, length);`;
}

/** Its first binding is SIZES; its grid and its work are those of each range it is dispatched for. */
export interface TiledKernel {
  kernel: Kernel;
  grid: AttentionGrid;
}

export interface TileRange {
  first: number;
  count: number;
  /** At most: segments may hide what a window does not. */
  flops: number;
}

/** Tiles in order, in ranges of at most `limit` floating-point operations, or of one tile where that takes more. Pure. */
export function tileRanges(shape: AttentionShape, grid: AttentionGrid, limit: number): TileRange[] {
  const { rows, length } = shape;
  const { headSets, blockTokens, sees, flopsPerPair } = grid;
  const window = Math.min(shape.window ?? length, length);
  const ranges: TileRange[] = [];
  let range: TileRange = { first: 0, count: 0, flops: 0 };
  for (let tile = 0; tile < rows * Math.ceil(length / blockTokens) * headSets; tile += 1) {
    const first = (Math.floor(tile / headSets) % Math.ceil(length / blockTokens)) * blockTokens;
    const end = Math.min(first + blockTokens, length);
    const reach = Math.min(window + blockTokens, sees === 'before' ? end : length - first);
    const flops = (end - first) * reach * flopsPerPair;
    if (range.count > 0 && range.flops + flops > limit) {
      ranges.push(range);
      range = { first: tile, count: 0, flops: 0 };
    }
    range.count += 1;
    range.flops += flops;
  }
  return [...ranges, range];
}

/** @param values of the kernel's bindings behind SIZES. */
export function dispatchTiles(
  recorder: Recorder,
  shape: AttentionShape,
  { kernel, grid }: TiledKernel,
  values: readonly Value[],
): void {
  const blocks = Math.ceil(shape.length / grid.blockTokens);
  for (const { first, count, flops } of tileRanges(shape, grid, recorder.traits.dispatchFlops)) {
    const sizes = recorder.constant(shape.length, blocks, first, first + count);
    recorder.dispatch({ ...kernel, workgroups: spread(count), flops }, [sizes, ...values]);
  }
}
