// Where weights lie on the GPU. Weights that one product reads together lie below each other in one array (a group), so
// each keeps its name and the product sees one matrix. A group larger than what can be bound at once is cut into ranges of
// its rows (pieces), and frozen groups may be kept in few bits. Pure: places, no memory.
import { frozen, type Parameter, type QuantisedForm } from './parameter';
import { bitsOf, GROUP_SIZE, isQuantisable, quantisedBytes, type Storage } from './quantise';
import { aligned, elements, externalValue, type Value } from './recorder';

export interface WeightGroup {
  /** Names with their shapes, in order. */
  members: ReadonlyMap<string, readonly number[]>;
  /** Shape of the group as one array. */
  shape: readonly number[];
  /** `f32` where not given. */
  storage?: Storage;
}

export interface MemberPlace {
  /** Key of its group. */
  group: string;
  shape: readonly number[];
  /** Elements from the group's start. */
  start: number;
}

/** A group, or a range of its rows: one array. */
export interface WeightPiece {
  value: Value;
  /** null for f32. */
  form: QuantisedForm | null;
  /** Elements of the group in front of it, and its own. */
  start: number;
  count: number;
}

/** What a piece has of some elements of a group, all counted in elements. */
export interface PieceRange {
  piece: WeightPiece;
  /** From the first of the elements asked for, and from the piece's start. */
  from: number;
  at: number;
  count: number;
}

interface Group {
  shape: readonly number[];
  /** Tells the shape of a group in pieces; the only piece's otherwise. */
  value: Value;
  pieces: readonly WeightPiece[];
}

/**
 * Flat arrays of several hold no more: memory that is being allocated is filled while more of it is, and to allocate it is
 * what takes longest of a load on some devices.
 */
const FLAT_BYTES = 32 * 2 ** 20;
/** Rows of matrices are cut at multiples of it: products read and write four elements at a time. */
const ROW_STEP = 4;

export class WeightLayout {
  /** Every array by name: that of its group, with its rows where the group is cut. */
  readonly groups = new Map<string, Value>();
  readonly members = new Map<string, MemberPlace>();
  readonly #byKey = new Map<string, Group>();
  readonly #flats: number[] = [];
  readonly #places = new Map<Value, { flat: number; offset: number }>();

  /**
   * @param limitBytes what an array may take, and a flat array of several at most.
   * @param learns whether gradients by these weights are of use.
   * @throws RangeError for a group in few bits that learns or whose shape does not allow it.
   */
  constructor(groups: ReadonlyMap<string, WeightGroup>, limitBytes: number, learns: boolean) {
    for (const [key, group] of groups) {
      const pieces = cut(key, group, limitBytes, learns);
      for (const { value, form } of pieces) {
        this.groups.set(value.name, value);
        this.#place(value, limitBytes);
        if (form !== null && form.scales !== null) this.#place(form.scales, limitBytes);
      }
      const { shape, members } = group;
      const [only] = pieces;
      const value =
        pieces.length === 1 && only !== undefined ? only.value : externalValue(key, shape, { learns });
      this.#byKey.set(key, { shape, value, pieces });
      let start = 0;
      for (const [name, memberShape] of members) {
        this.members.set(name, { group: key, shape: memberShape, start });
        start += elements(memberShape);
      }
    }
  }

  /** A group whose weights do not learn, as operations see it. @throws Error where there is no such group. */
  frozen(key: string): Parameter {
    return this.parameter(key, () => null);
  }

  /** A group as operations see it. @param gradientOf of each of its arrays. @throws Error where there is no such group. */
  parameter(key: string, gradientOf: (piece: Value) => Value | null): Parameter {
    const { value, pieces } = this.#group(key);
    const parts = pieces.map((piece) => ({
      ...frozen(piece.value, piece.form),
      gradient: gradientOf(piece.value),
    }));
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) return first;
    const learns = parts.some(({ gradient }) => gradient !== null);
    const gradient = learns ? externalValue(`d ${key}`, value.shape) : null;
    return { value, gradient, parts };
  }

  /** Which arrays have `count` elements of a member from its element `start` on. */
  rangesOf(name: string, start: number, count: number): PieceRange[] {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`There is no weight ${name}.`);
    const first = member.start + start;
    return this.#group(member.group).pieces.flatMap((piece) => {
      const begin = Math.max(first, piece.start);
      const end = Math.min(first + count, piece.start + piece.count);
      if (end <= begin) return [];
      return [{ piece, from: begin - first, at: begin - piece.start, count: end - begin }];
    });
  }

  /** Whether a value is an array of this layout or the scales of one. */
  has(value: Value): boolean {
    return this.#places.has(value);
  }

  /** Number of weights. */
  get weights(): number {
    let count = 0;
    for (const { shape } of this.members.values()) count += elements(shape);
    return count;
  }

  /** The array that takes most; null where there is none. */
  get largest(): Value | null {
    return [...this.#places.keys()].reduce<Value | null>(
      (most, value) => (most === null || value.bytes > most.bytes ? value : most),
      null,
    );
  }

  /** Number of groups in several pieces. */
  get cutGroups(): number {
    return [...this.#byKey.values()].filter(({ pieces }) => pieces.length > 1).length;
  }

  /** Bytes of each flat array. */
  get flats(): number[] {
    return [...this.#flats];
  }

  get bytes(): number {
    return this.#flats.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Which flat arrays have some of a weight, scales included. */
  flatsOf(name: string): Set<number> {
    const member = this.members.get(name);
    const { pieces } = this.#group(member?.group ?? name);
    const values = pieces.flatMap(({ value, form }) => [value, form?.scales ?? value]);
    return new Set(values.map((value) => this.placeOf(value).flat));
  }

  placeOf(value: Value): { flat: number; offset: number } {
    const place = this.#places.get(value);
    if (place === undefined) throw new Error(`${value.name} is not of this layout.`);
    return place;
  }

  #group(key: string): Group {
    const group = this.#byKey.get(key);
    if (group === undefined) throw new Error(`There is no group ${key}.`);
    return group;
  }

  #place(value: Value, limitBytes: number): void {
    const bytes = aligned(value.bytes);
    const last = this.#flats.at(-1);
    if (last === undefined || last + bytes > Math.min(limitBytes, FLAT_BYTES)) this.#flats.push(0);
    const flat = this.#flats.length - 1;
    const offset = this.#flats[flat] ?? 0;
    this.#places.set(value, { flat, offset });
    this.#flats[flat] = offset + bytes;
  }
}

function cut(
  key: string,
  { shape, storage = 'f32' }: WeightGroup,
  limitBytes: number,
  learns: boolean,
): WeightPiece[] {
  const make = (name: string, rows: readonly number[], start: number): WeightPiece =>
    storage === 'f32'
      ? { value: externalValue(name, rows, { learns }), form: null, start, count: elements(rows) }
      : quantisedPiece(name, rows, storage, learns, start);
  const whole = make(key, shape, 0);
  if (shape.length < 2 || aligned(whole.value.bytes) <= limitBytes) return [whole];
  const [rows = 0, ...rest] = shape;
  const most = Math.max(1, Math.floor(limitBytes / (whole.value.bytes / rows) / ROW_STEP)) * ROW_STEP;
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => {
    const first = index * most;
    const count = Math.min(most, rows - first);
    return make(`${key} from row ${first}`, [count, ...rest], first * elements(rest));
  });
}

function quantisedPiece(
  name: string,
  shape: readonly number[],
  storage: Exclude<Storage, 'f32'>,
  learns: boolean,
  start: number,
): WeightPiece {
  if (learns || !isQuantisable(shape)) {
    throw new RangeError(`${name} [${shape.join(', ')}] cannot be kept in ${storage}.`);
  }
  const bits = bitsOf(storage);
  const bytes = quantisedBytes(shape, bits);
  const scalesShape = [shape[0] ?? 0, (shape[1] ?? 0) / GROUP_SIZE];
  const scales =
    bytes.scales === 0 ? null : externalValue(`scales of ${name}`, scalesShape, { bytes: bytes.scales });
  const value = externalValue(name, shape, { bytes: bytes.words });
  return { value, form: { bits, scales }, start, count: elements(shape) };
}
