// Finds the encodings that a device unpacks wrong, before weights are trusted to it: awkward blocks of each, at both
// alignments and with heads in GGUF's order, against the host's numbers bit for bit. What fails is set aside.
import { unpackBlocks } from '../../../lib/formats/gguf/gguf-blocks';
import { GGUF_LAYOUTS } from '../../../lib/formats/gguf/gguf-types';
import { AppError } from '../../../lib/errors';
import { Random } from '../../../lib/random';
import { unpackingOf, type PackedType } from '../kernels/unpack';
import type { PlanDevice } from '../plan-device';
import { unpackVariant, Unpacker, type PackedRows } from '../unpacker';

const HEAD_ROWS = 4;
/** Halves that a scale may be: zero, the smallest, a subnormal one, usual ones, the largest, and of both signs. */
const SCALES = [0x0000, 0x0001, 0x8155, 0x0400, 0x1c66, 0x9e21, 0x3c00, 0x7bff];
/** Bytes of a block where it keeps halves. */
const SCALE_PLACES: Record<Exclude<PackedType, 'F16' | 'BF16'>, readonly number[]> = {
  Q8_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};

/** Rows of two blocks, of four heads. Halves are all that there are but those that are no numbers. */
export function awkwardRows(type: PackedType): {
  bytes: Uint8Array<ArrayBuffer>;
  width: number;
  count: number;
} {
  const { blockSize } = unpackingOf(type);
  const width = 2 * blockSize;
  if (type === 'F16' || type === 'BF16') {
    const halves = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits).filter((bits) =>
      type === 'F16' ? (bits & 0x7c00) !== 0x7c00 : (bits & 0x7f80) !== 0x7f80,
    );
    const count = Math.floor(halves.length / width / HEAD_ROWS) * width * HEAD_ROWS;
    return { bytes: new Uint8Array(halves.buffer, 0, 2 * count), width, count };
  }
  const random = new Random(5);
  const count = 4 * HEAD_ROWS * width;
  const { blockBytes } = GGUF_LAYOUTS[type];
  const bytes = Uint8Array.from({ length: (count / blockSize) * blockBytes }, () => 256 * random.next());
  const view = new DataView(bytes.buffer);
  for (let block = 0; block * blockBytes < bytes.length; block += 1) {
    SCALE_PLACES[type].forEach((place, i) => {
      const scale = SCALES[(block + 3 * i) % SCALES.length] ?? 0;
      view.setUint16(block * blockBytes + place, scale, true);
    });
  }
  return { bytes, width, count };
}

/** As the host has it: element i of the result for the decoder's order of rows. */
function expected(
  type: PackedType,
  { bytes, width, count }: ReturnType<typeof awkwardRows>,
  isMoved: boolean,
): Float32Array {
  const floats = new Float32Array(count);
  unpackBlocks(type, bytes, floats);
  if (!isMoved) return floats;
  return floats.map((_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const inHead = row % HEAD_ROWS;
    const half = HEAD_ROWS / 2;
    const from = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    return floats[from * width + column] ?? NaN;
  });
}

/** Zeros of either sign are the same number. */
function isSame(found: Float32Array, wanted: Float32Array): boolean {
  return wanted.every((value, i) => value === found[i]);
}

async function isRight(owner: PlanDevice, type: PackedType): Promise<boolean> {
  const { memory } = owner;
  const rows = awkwardRows(type);
  const unpacker = await Unpacker.open(owner, [type], rows.bytes.length + 4);
  const range = { offset: 0, bytes: (rows.count + 4) * 4 };
  const target = { ...range, buffer: await memory.allocate(range.bytes, 'unpacked rows') };
  try {
    for (const at of [0, 2]) {
      const staged = new Uint8Array(rows.bytes.length + at);
      staged.set(rows.bytes, at);
      unpacker.stage(staged.buffer);
      for (const isMoved of [false, true]) {
        memory.write(target, new Float32Array(rows.count + 4).fill(NaN));
        const heads: PackedRows['heads'] = isMoved ? { width: rows.width, size: HEAD_ROWS } : null;
        unpacker.unpack({ type, at, count: rows.count, heads }, target, 4);
        unpacker.flush();
        const found = new Float32Array(await memory.read(target));
        const isKept = found.subarray(0, 4).every(Number.isNaN);
        if (!isKept || !isSame(found.subarray(4), expected(type, rows, isMoved))) return false;
      }
    }
    return true;
  } finally {
    unpacker.dispose();
    memory.free(target.buffer);
  }
}

const proven = new WeakMap<PlanDevice, Set<PackedType>>();

/** Once for each device and type. @returns those that the device unpacks; the host does the others. */
export async function proveUnpacking(owner: PlanDevice, types: Iterable<PackedType>): Promise<PackedType[]> {
  const known = proven.get(owner) ?? new Set();
  proven.set(owner, known);
  const { variants } = owner;
  const right: PackedType[] = [];
  for (const type of types) {
    if (!known.has(type) && variants.isUsable(unpackVariant(type))) {
      try {
        if (!(await isRight(owner, type))) variants.drop(unpackVariant(type), 'It computed wrong.');
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'engine.kernel-failed') throw error;
        variants.drop(unpackVariant(type), error.message);
      }
      known.add(type);
    }
    if (variants.isUsable(unpackVariant(type))) right.push(type);
  }
  return right;
}
