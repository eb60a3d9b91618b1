// Which variant of the product a shape takes before anything was measured. Pure. The software model was fitted to
// SwiftShader; the choices for GPUs follow what worked elsewhere and are what the autotuner starts from.
import {
  MAX_VECTOR_ROWS,
  type DirectVariant,
  type MatMulShape,
  type MatMulVariant,
  isAligned,
  type SharedVariant,
  type SubgroupVariant,
  type VectorVariant,
} from '../kernels/mat-mul-shape';
import { GPU_TRAITS, type DeviceTraits } from '../recorder';

export type AdapterKind = 'software' | 'integrated' | 'discrete' | 'apple';

/** What of an adapter decides which variants are worth a try. */
export interface TuningTarget {
  kind: AdapterKind;
  /** Invocations of every subgroup; 0 where there are none, or of several sizes. */
  subgroupLanes: number;
}

/** Of a recorder that knows no device. */
export const targetOf = ({ rowLanes }: DeviceTraits): TuningTarget => ({
  kind: rowLanes < GPU_TRAITS.rowLanes ? 'software' : 'discrete',
  subgroupLanes: 0,
});

/** @param adapter as the device report has it. */
export function adapterKind({ vendor, software }: { vendor: string; software: boolean }): AdapterKind {
  if (software) return 'software';
  const name = vendor.toLowerCase();
  if (name.includes('apple')) return 'apple';
  return /nvidia|amd/.test(name) ? 'discrete' : 'integrated';
}

/** What a multiply-add would have to cost less for loads to be free: a load costs as much as this many. */
const LOAD_COST = 24;
/** Invocations that run at once: cores times lanes of a small machine. */
const SOFTWARE_LANES = 8;
/** Multiply-adds that hearing one vector of a neighbour costs. */
const BROADCAST_COST = 4;
/** Operations below which compiling a kernel twice as long is not worth it. */
const LARGE_FLOPS = 1e8;
/** Multiply-adds that one element of a part costs on its way out and back in. */
const PART_COST = 40;

const TILES = [
  [16, 16],
  [8, 16],
  [16, 8],
  [8, 8],
] as const;
const SUBGROUP_TILES = [
  [32, 16],
  [32, 8],
  [16, 16],
  [16, 8],
] as const;
const SPLITS = [1, 2, 4, 8];

const direct = (rows: number, columns: number, splits = 1): DirectVariant => ({
  kind: 'direct',
  rows,
  columns,
  workgroupSize: 4,
  splits,
});

const subgroup = (
  rows: number,
  columns: number,
  lanes: number,
  workgroupSize: number,
  splits = 1,
): SubgroupVariant => ({ kind: 'subgroup', rows, columns, lanes, workgroupSize, splits });

/** Multiply-adds that the slowest lane of a software adapter takes, loads counted as such. */
export function softwareCost({ m, n, k }: MatMulShape, variant: DirectVariant | SubgroupVariant): number {
  const { rows, columns, splits, workgroupSize } = variant;
  const shares = variant.kind === 'subgroup';
  const across = shares ? Math.ceil(n / columns / workgroupSize) * workgroupSize : Math.ceil(n / columns);
  const invocations = Math.ceil(m / rows) * across * splits;
  const ownLoads = shares ? rows / variant.lanes + columns : rows + columns;
  const perStep = rows * columns + LOAD_COST * ownLoads + (shares ? BROADCAST_COST * rows : 0);
  const sum = splits === 1 ? 0 : (m * n * splits * PART_COST) / SOFTWARE_LANES;
  return Math.ceil(invocations / SOFTWARE_LANES) * perStep * Math.ceil(k / splits) + sum;
}

const vector = (columns: number, lanes: number, workgroupSize: number): VectorVariant => ({
  kind: 'vector',
  columns,
  lanes,
  workgroupSize,
});

/** The more columns, the fewer loads of A; fewer than some invocations for each lane leave lanes idle at the end. */
function softwareVector({ m, n }: MatMulShape): VectorVariant {
  const widest = m === 1 ? 8 : m <= 4 ? 16 : 32;
  const columns = [32, 16, 8].find((count) => count <= widest && n >= 4 * SOFTWARE_LANES * count) ?? 4;
  return vector(columns, 1, 4);
}

/** A given as [k, m] is read element by element: more than a few of its rows are better off in tiles. */
const isForVectors = ({ m, transposeA }: MatMulShape): boolean => m <= (transposeA ? 4 : MAX_VECTOR_ROWS);

/** Whether a subgroup can load the rows of a tile together. */
const sharesRows = (shape: MatMulShape, lanes: number): boolean =>
  lanes >= 4 && lanes <= 32 && isAligned(shape);

/** Lanes of a workgroup are those of a subgroup. */
function subgroupTiles(shape: MatMulShape, lanes: number): (readonly [rows: number, columns: number])[] {
  const large = 2 * shape.m * shape.n * shape.k >= LARGE_FLOPS;
  if (!sharesRows(shape, lanes)) return [];
  return SUBGROUP_TILES.filter(([rows, columns]) => rows % lanes === 0 && (large || rows * columns < 512));
}

function softwareVariant(shape: MatMulShape, lanes: number): MatMulVariant {
  if (isForVectors(shape)) return softwareVector(shape);
  const candidates = SPLITS.flatMap((splits) => [
    ...TILES.map(([rows, columns]) => direct(rows, columns, splits)),
    ...subgroupTiles(shape, lanes).map(([rows, columns]) => subgroup(rows, columns, lanes, lanes, splits)),
  ]);
  return candidates.reduce((best, next) =>
    softwareCost(shape, next) < softwareCost(shape, best) ? next : best,
  );
}

const shared = (
  [tileRows, tileColumns, depth]: readonly [number, number, number],
  [rows, columns]: readonly [number, number],
): SharedVariant => ({ kind: 'shared', tileRows, tileColumns, depth, rows, columns, splits: 1 });

/** Largest first: more work per byte of workgroup memory, fewer workgroups. */
const SHARED = [
  shared([128, 128, 8], [8, 8]),
  shared([64, 64, 16], [4, 4]),
  shared([32, 32, 16], [4, 4]),
  shared([32, 32, 16], [2, 2]),
];

/** Workgroups that keep such an adapter busy. */
const WORKGROUPS: Record<Exclude<AdapterKind, 'software'>, number> = {
  discrete: 96,
  apple: 32,
  integrated: 16,
};

/** Lanes along k read neighbouring elements only where B's rows run along k. */
const vectorOnGpu = ({ transposeB }: MatMulShape): VectorVariant => vector(4, transposeB ? 32 : 8, 64);

const workgroups = ({ m, n }: MatMulShape, { tileRows, tileColumns }: SharedVariant): number =>
  Math.ceil(m / tileRows) * Math.ceil(n / tileColumns);

function gpuVariant(shape: MatMulShape, kind: Exclude<AdapterKind, 'software'>): MatMulVariant {
  if (isForVectors(shape)) return vectorOnGpu(shape);
  const wanted = WORKGROUPS[kind];
  const fits = ({ tileRows, tileColumns }: SharedVariant): boolean =>
    shape.m >= tileRows / 2 && shape.n >= tileColumns / 2;
  const large = SHARED.find((variant) => fits(variant) && workgroups(shape, variant) >= wanted);
  if (large !== undefined) return large;
  const small = shared([32, 32, 16], [4, 4]);
  // A part shorter than this is mostly the cost of starting it.
  const most = Math.floor(shape.k / 128);
  const splits = Math.min(8, most, Math.ceil(wanted / workgroups(shape, small)));
  return { ...small, splits: Math.max(1, splits) };
}

export function defaultVariant(shape: MatMulShape, { kind, subgroupLanes }: TuningTarget): MatMulVariant {
  return kind === 'software' ? softwareVariant(shape, subgroupLanes) : gpuVariant(shape, kind);
}

/** For any shape on any device, where everything else is set aside: slow, and as plain as products get. */
export const LAST_RESORTS: readonly MatMulVariant[] = [
  { ...direct(8, 8), workgroupSize: 64 },
  { ...direct(4, 4), workgroupSize: 64 },
  direct(4, 4),
];

/** What is worth timing for a shape: the default first. */
export function candidateVariants(shape: MatMulShape, target: TuningTarget): MatMulVariant[] {
  const { kind, subgroupLanes } = target;
  const first = defaultVariant(shape, target);
  if (isForVectors(shape)) {
    const others =
      kind === 'software'
        ? [4, 8, 16, 32].map((columns) => vector(columns, 1, 4))
        : [8, 16, 32, 64].map((lanes) => vector(4, lanes, 64));
    return distinct([first, ...others]);
  }
  if (kind === 'software') {
    const shared = sharesRows(shape, subgroupLanes) ? SUBGROUP_TILES : [];
    return distinct([
      first,
      ...[[32, 16] as const, ...TILES].map(([rows, columns]) => direct(rows, columns)),
      ...shared.map(([rows, columns]) => subgroup(rows, columns, subgroupLanes, subgroupLanes)),
    ]);
  }
  const split = SHARED.slice(1, 3).flatMap((variant) => [2, 4, 8].map((splits) => ({ ...variant, splits })));
  return distinct([
    first,
    ...SHARED,
    ...split.filter(({ splits }) => shape.k >= 128 * splits),
    { ...direct(8, 8), workgroupSize: 64 },
    ...(sharesRows(shape, subgroupLanes) ? [subgroup(32, 4, subgroupLanes, 64)] : []),
  ]);
}

function distinct(variants: readonly MatMulVariant[]): MatMulVariant[] {
  return [...new Map(variants.map((variant) => [JSON.stringify(variant), variant])).values()];
}
