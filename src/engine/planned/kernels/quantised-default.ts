// Which variant a product with a matrix in few bits takes before anything was measured, and what is worth measuring. Pure.
import { softwareCost } from '../tune/default-variants';
import { MAX_VECTOR_ROWS, type MatMulShape } from './mat-mul-shape';
import {
  innerOf,
  widthOf,
  type Expanded,
  type QuantisedShape,
  type QuantisedTile,
  type QuantisedVariant,
} from './quantised-shape';

/** Below, the f32 copy of W would be read by too few rows to be worth writing. */
const MIN_EXPANDED_ROWS = 64;
/** The copy takes room in the arena. */
const EXPANDED: Expanded = { kind: 'expanded', bytes: 32 * 1024 * 1024 };

const TILES = [
  [16, 16],
  [8, 16],
  [8, 8],
] as const;

const tile = (rows: number, columns: number, workgroupSize: number): QuantisedTile => ({
  ...{ kind: 'direct', rows, columns, workgroupSize },
});

const isForVectors = ({ rows, direction }: QuantisedShape): boolean =>
  rows <= MAX_VECTOR_ROWS && direction === 'forward';

const isForExpanding = ({ rows }: QuantisedShape): boolean => rows >= MIN_EXPANDED_ROWS;

function softwareTile(shape: QuantisedShape): QuantisedTile {
  const part = { start: 0, stride: 0 };
  const product: MatMulShape = {
    ...{ m: shape.rows, n: widthOf(shape), k: innerOf(shape) },
    ...{ transposeA: false, transposeB: shape.direction === 'forward', scale: 1, plus: shape.plus },
    ...{ a: part, b: part, c: part },
  };
  const tiles = TILES.map(([rows, columns]) => tile(rows, columns, 4));
  const cost = (candidate: QuantisedTile): number => softwareCost(product, { ...candidate, splits: 1 });
  return tiles.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}

/** Few variants: each is a pipeline of its own. */
export function quantisedVariant(shape: QuantisedShape, software: boolean): QuantisedVariant {
  if (isForVectors(shape)) {
    return software
      ? { kind: 'vector', lanes: 1, workgroupSize: 4 }
      : { kind: 'vector', lanes: 16, workgroupSize: 64 };
  }
  if (isForExpanding(shape)) return EXPANDED;
  return software ? softwareTile(shape) : tile(8, 8, 64);
}

/** What is worth timing for a shape: the default first. */
export function quantisedCandidates(
  shape: QuantisedShape,
  software: boolean,
): [first: QuantisedVariant, ...others: QuantisedVariant[]] {
  const first = quantisedVariant(shape, software);
  const vectors: QuantisedVariant[] = [4, 8, 16, 32].map((lanes) => ({
    ...{ kind: 'vector', lanes, workgroupSize: 64 },
  }));
  const tiles: QuantisedVariant[] = TILES.map(([rows, columns]) => tile(rows, columns, software ? 4 : 64));
  // A tile does for few rows as well, where vectors fail.
  const others = isForVectors(shape) ? [...(software ? [] : vectors), ...tiles] : tiles;
  const expanded: QuantisedVariant[] = isForExpanding(shape) ? [EXPANDED] : [];
  const key = JSON.stringify(first);
  return [first, ...[...others, ...expanded].filter((variant) => JSON.stringify(variant) !== key)];
}
