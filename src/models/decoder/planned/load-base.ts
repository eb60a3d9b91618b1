// From a model's file to the GPU, some rows of an array at a time, so that host memory stays small whatever the size of
// the model or of its largest array.
import {
  bitsOf,
  elements,
  proveQuantised,
  Quantiser,
  WeightLayout,
  WeightStore,
  type PlanDevice,
  type Storage,
} from '../../../engine/planned';
import type { RowRange, StoredArray, WeightReader } from '../../file-layout';
import type { DecoderConfig } from '../decoder-config';
import { weightShapes } from '../decoder-names';
import { writeStored } from './load-stored';
import { baseGroups } from './weight-groups';

export interface LoadedBase {
  /** The caller's from here on. */
  base: WeightStore;
  storage: Storage;
  errors: ReadonlyMap<string, number>;
}

/** Elements read at once: 4 MiB of f32. */
const PIECE_ELEMENTS = 2 ** 20;
/** What may wait in the device's queue: a write copies what it is given. */
const WAITING_ELEMENTS = 2 ** 22;

/** Row ranges of at most `PIECE_ELEMENTS` elements, or one row where rows are longer. Pure. */
export function pieces(shape: readonly number[]): RowRange[] {
  const [rows = 0] = shape;
  const width = elements(shape.slice(1));
  const most = Math.max(1, Math.floor(PIECE_ELEMENTS / Math.max(1, width)));
  return Array.from({ length: Math.ceil(rows / most) }, (_, i) => ({
    first: i * most,
    count: Math.min(most, rows - i * most),
  }));
}

interface Piece {
  name: string;
  shape: readonly number[];
  rows: RowRange;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

function* piecesOf(shapes: Shapes): Generator<Piece, void> {
  for (const [name, shape] of shapes) {
    for (const rows of pieces(shape)) yield { name, shape, rows };
  }
}

/** All pieces in order; the next one is read while the one before is taken. Readers that know no rows give whole arrays. */
async function* readAll(
  shapes: Shapes,
  read: WeightReader,
): AsyncGenerator<{ name: string; data: Float32Array; start: number }, void> {
  const rest = piecesOf(shapes);
  const begin = (piece: Piece | undefined) => {
    if (piece === undefined) return null;
    const reading = read(piece.name, piece.rows);
    // Whoever awaits it hears of a failure; before that nobody listens.
    reading.catch(() => undefined);
    return { ...piece, reading };
  };
  let next = begin(rest.next().value ?? undefined);
  while (next !== null) {
    const { name, shape, rows, reading } = next;
    const { data } = await reading;
    const isWhole = data.length === elements(shape);
    let following = rest.next().value ?? undefined;
    while (isWhole && following?.name === name) following = rest.next().value ?? undefined;
    next = begin(following);
    yield { name, data, start: isWhole ? 0 : rows.first * elements(shape.slice(1)) };
  }
}

/** Weights that only the reader can give. */
async function writeRead(
  { memory }: PlanDevice,
  shapes: Shapes,
  base: WeightStore,
  read: WeightReader,
  quantiser: Quantiser | null,
): Promise<void> {
  let waiting = 0;
  for await (const { name, data, start } of readAll(shapes, read)) {
    base.write(name, data, start, quantiser);
    waiting += data.length;
    if (waiting < WAITING_ELEMENTS) continue;
    await memory.device.queue.onSubmittedWorkDone();
    waiting = 0;
  }
}

async function writeAll(
  owner: PlanDevice,
  config: DecoderConfig,
  base: WeightStore,
  read: WeightReader,
  quantiser: Quantiser | null,
): Promise<void> {
  const stored = new Map<string, StoredArray>();
  const others = new Map<string, readonly number[]>();
  for (const [name, shape] of weightShapes(config)) {
    const array = read.stored?.(name) ?? null;
    if (array === null) others.set(name, shape);
    else stored.set(name, array);
  }
  await writeStored(owner, base, stored, quantiser);
  // Rows that were read wait for nothing: the next ones take their memory.
  await base.complete();
  await writeRead(owner, others, base, read, quantiser);
}

/** Products that the base will take part in; embeddings and heads have 8 bits where the rest has 4. */
async function proveStorage(owner: PlanDevice, storage: Storage): Promise<void> {
  if (storage === 'f32') return;
  await proveQuantised(owner, bitsOf(storage));
  if (storage === 'int4') await proveQuantised(owner, bitsOf('int8'));
}

/**
 * Products with weights in few bits are tried first; variants that fail are set aside.
 * @throws AppError `engine.out-of-memory`, or `engine.kernel-failed` where none is right; nothing stays allocated then.
 */
export async function loadBase(
  owner: PlanDevice,
  config: DecoderConfig,
  read: WeightReader,
  storage: Storage,
): Promise<LoadedBase> {
  await proveStorage(owner, storage);
  const layout = new WeightLayout(baseGroups(config, storage), owner.slabBytes, false);
  const base = WeightStore.open(layout, owner.memory, 'the weights of the model');
  let quantiser: Quantiser | null = null;
  try {
    if (storage !== 'f32') quantiser = await Quantiser.open(owner.memory, owner.pipelines);
    await writeAll(owner, config, base, read, quantiser);
    return { base, storage, errors: (await quantiser?.errors()) ?? new Map<string, number>() };
  } catch (error) {
    base.dispose();
    throw error;
  } finally {
    quantiser?.dispose();
  }
}
