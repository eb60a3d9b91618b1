// Adapters of projections that a family keeps as one matrix, in exact arithmetic. Side by side their A's lie below each other
// and B has one block for each on its diagonal, so the rank is the sum of theirs; where all have one A it stays as it is. The
// other way each part takes its rows of B, and of A what these reach. Pure; arrays are copied, but for an A that is shared.
import type { FileArray } from '../file-layout';
import { outputOf, type AdapterModule, type AdapterPart } from './adapter-modules';

/** What an adapter adds to one matrix: A [rank, in], B [out, rank], with DoRA the lengths of its rows [out]. */
export interface SideMatrices {
  a: FileArray;
  b: FileArray;
  magnitude: FileArray | null;
}

/** Adapters of the modules of one kind, by path. */
export interface SidesOfKind {
  rank: number;
  sides: Map<string, SideMatrices>;
}

const rankOf = ({ a }: SideMatrices): number => a.shape[0] ?? 0;

const arrayOf = (...shape: number[]): FileArray => ({
  shape,
  data: new Float32Array(shape.reduce((size, n) => size * n, 1)),
});

/** Copies columns of rows from one matrix to another. */
function copyBlock(
  from: FileArray,
  to: FileArray,
  at: Record<'row' | 'column' | 'fromRow' | 'fromColumn', number>,
  size: { rows: number; columns: number },
): void {
  const [fromWidth = 0, toWidth = 0] = [from.shape[1], to.shape[1]];
  for (let row = 0; row < size.rows; row += 1) {
    const start = (at.fromRow + row) * fromWidth + at.fromColumn;
    to.data.set(from.data.subarray(start, start + size.columns), (at.row + row) * toWidth + at.column);
  }
}
const ORIGIN = { row: 0, column: 0, fromRow: 0, fromColumn: 0 };

const isSame = (one: FileArray, other: FileArray): boolean =>
  one.data.length === other.data.length && one.data.every((value, i) => value === other.data[i]);

/**
 * @param modules of one kind.
 * @param sideOf of a projection, by its path; null where it is not adapted.
 * @param lengthsOf rows of a projection's weight that is not adapted; asked for with DoRA only, whose magnitudes are of all
 * rows, each of its own (PEFT, lora/dora.py, get_weight_norm), so that those of a module are those of its parts in turn.
 */
export function fuseKind(
  modules: readonly AdapterModule[],
  sideOf: (path: string) => SideMatrices | null,
  lengthsOf: (path: string) => FileArray,
): SidesOfKind {
  const isShared = modules.every((module) => {
    const [first, ...others] = module.parts.flatMap(({ path }) => sideOf(path) ?? []);
    return first === undefined || others.every(({ a }) => isSame(a, first.a));
  });
  const sides = new Map<string, SideMatrices>();
  for (const module of modules) {
    const fused = fuseMatrices(module, sideOf, isShared);
    if (fused !== null) {
      sides.set(module.path, { ...fused, magnitude: fuseMagnitudes(module, sideOf, lengthsOf) });
    }
  }
  const [first] = sides.values();
  return { rank: first === undefined ? 0 : rankOf(first), sides };
}

function fuseMatrices(
  module: AdapterModule,
  sideOf: (path: string) => SideMatrices | null,
  isShared: boolean,
): Pick<SideMatrices, 'a' | 'b'> | null {
  const adapted = module.parts.flatMap(({ path }) => sideOf(path) ?? []);
  const [first] = adapted;
  if (first === undefined) return null;
  const rank = isShared ? rankOf(first) : adapted.reduce((sum, side) => sum + rankOf(side), 0);
  const [a, b] = [arrayOf(rank, module.in), arrayOf(outputOf(module), rank)];
  let [row, column] = [0, 0];
  for (const { path, rows } of module.parts) {
    const side = sideOf(path);
    if (side !== null) {
      const columns = rankOf(side);
      copyBlock(side.a, a, { ...ORIGIN, row: column }, { rows: columns, columns: module.in });
      copyBlock(side.b, b, { ...ORIGIN, row, column }, { rows, columns });
      if (!isShared) column += columns;
    }
    row += rows;
  }
  return { a, b };
}

function fuseMagnitudes(
  module: AdapterModule,
  sideOf: (path: string) => SideMatrices | null,
  lengthsOf: (path: string) => FileArray,
): FileArray | null {
  if (module.parts.every(({ path }) => (sideOf(path)?.magnitude ?? null) === null)) return null;
  const all = arrayOf(outputOf(module));
  let row = 0;
  for (const { path, rows } of module.parts) {
    const { data } = sideOf(path)?.magnitude ?? lengthsOf(path);
    all.data.set(data.subarray(0, rows), row);
    row += rows;
  }
  return all;
}

/** What lies where in the matrices of a kind. */
interface PartPlan {
  part: number;
  /** Columns of B, rows of A. */
  first: number;
  count: number;
}

/**
 * The projections' own adapters. Parts that are not changed at all in any layer are left out, unless none is changed.
 * @param modules of one kind. @param sideOf of a module, of the same rank for all of them.
 * @returns by the projections' paths.
 */
export function splitKind(
  modules: readonly AdapterModule[],
  sideOf: (module: AdapterModule) => SideMatrices,
): SidesOfKind {
  const plans = planOf(modules, sideOf);
  const sides = new Map<string, SideMatrices>();
  for (const module of modules) {
    const side = sideOf(module);
    for (const { part, first, count } of plans) {
      const path = module.parts[part]?.path ?? '';
      sides.set(path, splitPart(module, part, side, { first, count }));
    }
  }
  return { rank: plans[0]?.count ?? 0, sides };
}

function splitPart(
  module: AdapterModule,
  index: number,
  { a, b, magnitude }: SideMatrices,
  { first, count }: Pick<PartPlan, 'first' | 'count'>,
): SideMatrices {
  const rows = module.parts[index]?.rows ?? 0;
  const fromRow = firstRow(module.parts, index);
  const [ownA, ownB] = [arrayOf(count, module.in), arrayOf(rows, count)];
  copyBlock(a, ownA, { ...ORIGIN, fromRow: first }, { rows: count, columns: module.in });
  copyBlock(b, ownB, { ...ORIGIN, fromRow, fromColumn: first }, { rows, columns: count });
  const lengths =
    magnitude === null ? null : { shape: [rows], data: magnitude.data.slice(fromRow, fromRow + rows) };
  return { a: ownA, b: ownB, magnitude: lengths };
}

const firstRow = (parts: readonly AdapterPart[], index: number): number =>
  parts.slice(0, index).reduce((sum, { rows }) => sum + rows, 0);

/** Blocks where there are some, the whole rank for each part otherwise: both are exact. */
function planOf(
  modules: readonly AdapterModule[],
  sideOf: (module: AdapterModule) => SideMatrices,
): PartPlan[] {
  const [model] = modules;
  if (model === undefined) return [];
  const { magnitude, ...side } = sideOf(model);
  const rank = rankOf({ ...side, magnitude });
  const used = model.parts.map((_, part) => usedColumns(modules, part, rank, sideOf));
  const changed = used.flatMap((columns, part) => (columns.includes(true) ? [part] : []));
  const width = rank / changed.length;
  const isBlocks =
    changed.length > 1 &&
    Number.isInteger(width) &&
    changed.every((part, block) => isWithin(used[part] ?? [], block * width, width));
  const kept = changed.length > 0 && magnitude === null ? changed : model.parts.map((_, part) => part);
  return kept.map((part) => ({
    part,
    first: isBlocks ? Math.max(changed.indexOf(part), 0) * width : 0,
    count: isBlocks ? width : rank,
  }));
}

/** Which columns of B a part's rows use in some layer. */
function usedColumns(
  modules: readonly AdapterModule[],
  part: number,
  rank: number,
  sideOf: (module: AdapterModule) => SideMatrices,
): boolean[] {
  const used = new Array<boolean>(rank).fill(false);
  for (const module of modules) {
    const { b } = sideOf(module);
    const start = firstRow(module.parts, part) * rank;
    const end = start + (module.parts[part]?.rows ?? 0) * rank;
    for (let i = start; i < end; i += 1) if (b.data[i] !== 0) used[i % rank] = true;
  }
  return used;
}

const isWithin = (used: readonly boolean[], first: number, count: number): boolean =>
  used.every((isUsed, column) => !isUsed || (column >= first && column < first + count));

/** Without rows at the end of A that are zero together with their columns of B: nobody would miss them. */
export function trimmed(sides: ReadonlyMap<string, SideMatrices>): SidesOfKind {
  const all = [...sides.values()];
  const most = Math.max(0, ...all.map(rankOf));
  let rank = most;
  while (rank > 0 && all.every((side) => isEmpty(side, rank - 1))) rank -= 1;
  // Nothing but zeros says nothing of the rank.
  if (rank === 0) rank = most;
  return { rank, sides: new Map([...sides].map(([path, side]) => [path, resized(side, rank)])) };
}

function isEmpty({ a, b }: SideMatrices, column: number): boolean {
  const [rank = 0, width = 0] = a.shape;
  if (column >= rank) return true;
  if (a.data.subarray(column * width, (column + 1) * width).some((value) => value !== 0)) return false;
  for (let i = column; i < b.data.length; i += rank) if (b.data[i] !== 0) return false;
  return true;
}

/**
 * Of another rank. What is added is zero in B, so that nothing changes.
 * @param a what A has where it grows; absent: zeros.
 */
export function resized(side: SideMatrices, rank: number, a?: FileArray): SideMatrices {
  const [own = 0, width = 0] = side.a.shape;
  if (own === rank) return side;
  const [rows = 0] = side.b.shape;
  const count = Math.min(own, rank);
  const ownA = a === undefined ? arrayOf(rank, width) : { shape: [rank, width], data: a.data.slice() };
  const ownB = arrayOf(rows, rank);
  copyBlock(side.a, ownA, ORIGIN, { rows: count, columns: width });
  copyBlock(side.b, ownB, ORIGIN, { rows, columns: count });
  return { ...side, a: ownA, b: ownB };
}
