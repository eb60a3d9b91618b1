// Between the weights of a decoder and a family's files: other names, several matrices in one (their rows below
// each other, in the decoder's order), matrices the other way round, norms that are kept as what they differ by from one.
// Arrays pass through as they are asked for; nothing is kept.
import type { DecoderConfig } from './decoder-config';
import { weightShapes } from './decoder-names';
import {
  storedRows,
  transposeArray,
  type FileArray,
  type RowRange,
  type StoredArray,
  type WeightReader,
} from '../file-layout';

/** Where a weight of the decoder stands. */
export interface WeightPlace {
  /** Weights of one name lie below each other. */
  name: string;
  /** [in, out] in the file. */
  transposed?: boolean;
  /** What the file's numbers lack. */
  offset?: number;
}

/** A weight within an array of a file. */
interface Part extends Required<WeightPlace> {
  /** The decoder's name. */
  weight: string;
  /** First of its rows in the array, before that is turned round. */
  first: number;
  shape: readonly number[];
}

/** An array of a file and the weights it is made of. */
export interface PlacedArray {
  name: string;
  /** [in, out] in the file. */
  transposed: boolean;
  /** By the decoder's names, in the order of their rows, [out, in] each. */
  weights: readonly { name: string; shape: readonly number[] }[];
}

export class WeightPlaces {
  readonly #parts = new Map<string, Part>();
  readonly #byFile = new Map<string, Part[]>();

  /** @param placeOf by the decoder's name; a Llama's are the decoder's own. */
  constructor(config: DecoderConfig, placeOf: (weight: string) => WeightPlace = (name) => ({ name })) {
    for (const [weight, shape] of weightShapes(config)) {
      const { name, transposed = false, offset = 0 } = placeOf(weight);
      const beside = this.#byFile.get(name) ?? [];
      const first = beside.reduce((rows, part) => rows + (part.shape[0] ?? 0), 0);
      const part = { weight, name, transposed, offset, first, shape };
      this.#parts.set(weight, part);
      this.#byFile.set(name, [...beside, part]);
    }
  }

  /** Every array of the files with its shape there. */
  shapes(): Map<string, number[]> {
    return new Map([...this.#byFile].map(([name, parts]) => [name, fileShape(parts)]));
  }

  /** What each array of the files is made of. */
  arrays(): PlacedArray[] {
    return [...this.#byFile].map(([name, parts]) => ({
      name,
      transposed: parts.some(({ transposed }) => transposed),
      weights: parts.map(({ weight, shape }) => ({ name: weight, shape })),
    }));
  }

  decoderReader(files: WeightReader): WeightReader {
    const read: WeightReader = async (weight, rows) => {
      const part = this.#parts.get(weight);
      if (part === undefined) return files(weight, rows);
      const beside = this.#byFile.get(part.name) ?? [];
      if (part.transposed) return turnedPart(await files(part.name), part);
      const array = beside.length === 1 ? await files(part.name, rows) : await readPart(files, part, rows);
      return part.offset === 0 ? array : moved(array, part.offset);
    };
    const { stored } = files;
    if (stored !== undefined) read.stored = (weight) => this.#stored(weight, stored);
    return read;
  }

  fileReader(decoder: WeightReader): WeightReader {
    return async (name, rows) => {
      const parts = this.#byFile.get(name) ?? [];
      const [only] = parts;
      if (only === undefined) return decoder(name, rows);
      if (only.transposed) return turnedWhole(await Promise.all(parts.map(({ weight }) => decoder(weight))));
      if (parts.length === 1) {
        const read = await decoder(only.weight, rows);
        return only.offset === 0 ? read : moved(read, -only.offset);
      }
      return joined(decoder, parts, rows ?? { first: 0, count: fileShape(parts)[0] ?? 0 });
    };
  }

  /** null for what is turned round or moved by an offset: only its numbers are the decoder's. */
  #stored(weight: string, files: (name: string) => StoredArray | null): StoredArray | null {
    const part = this.#parts.get(weight);
    if (part === undefined) return files(weight);
    if (part.transposed || part.offset !== 0) return null;
    const array = files(part.name);
    const isWhole = (this.#byFile.get(part.name) ?? []).length === 1;
    if (isWhole || array === null) return array;
    return storedRows(array, { first: part.first, count: part.shape[0] ?? 0 });
  }
}

function fileShape(parts: readonly Part[]): number[] {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const [first] = parts;
  const rest = first?.shape.slice(1) ?? [];
  return first?.transposed === true ? [...rest, rows] : [rows, ...rest];
}

const widthOf = (shape: readonly number[]): number => shape.slice(1).reduce((size, n) => size * n, 1);

function moved({ shape, data }: FileArray, offset: number): FileArray {
  return { shape, data: data.map((value) => value + offset) };
}

/** Rows of one part; from a reader that knows no rows as well. */
async function readPart(files: WeightReader, part: Part, rows: RowRange | undefined): Promise<FileArray> {
  const { first, count } = rows ?? { first: 0, count: part.shape[0] ?? 0 };
  const { shape, data } = await files(part.name, { first: part.first + first, count });
  // Rows are valid until the next ones arrive; a weight that was asked for whole is the caller's.
  if (shape[0] === count) return { shape, data: rows === undefined ? data.slice() : data };
  const width = widthOf(part.shape);
  const start = (part.first + first) * width;
  return { shape: [count, ...part.shape.slice(1)], data: data.slice(start, start + count * width) };
}

/** @param array [in, width of all parts]. @returns [out, in]. */
function turnedPart({ shape: [rows = 0, columns = 0], data }: FileArray, part: Part): FileArray {
  const [out = 0] = part.shape;
  const own = new Float32Array(rows * out);
  for (let row = 0; row < rows; row += 1) {
    const start = row * columns + part.first;
    own.set(data.subarray(start, start + out), row * out);
  }
  return { shape: [out, rows], data: transposeArray(own, rows, out) };
}

/** @param arrays [out, in] each. @returns [in, all outs]. */
function turnedWhole(arrays: readonly FileArray[]): FileArray {
  const below = stacked(arrays);
  const [rows = 0, columns = 0] = below.shape;
  return { shape: [columns, rows], data: transposeArray(below.data, rows, columns) };
}

function stacked(arrays: readonly FileArray[]): FileArray {
  const data = new Float32Array(arrays.reduce((sum, array) => sum + array.data.length, 0));
  let [at, rows] = [0, 0];
  for (const array of arrays) {
    data.set(array.data, at);
    at += array.data.length;
    rows += array.shape[0] ?? 0;
  }
  return { shape: [rows, ...(arrays[0]?.shape.slice(1) ?? [])], data };
}

/** Rows of an array that several weights make. */
async function joined(decoder: WeightReader, parts: readonly Part[], rows: RowRange): Promise<FileArray> {
  const pieces: FileArray[] = [];
  for (const { weight, first, shape } of parts) {
    const from = Math.max(rows.first, first);
    const to = Math.min(rows.first + rows.count, first + (shape[0] ?? 0));
    if (to <= from) continue;
    const range = { first: from - first, count: to - from };
    const { shape: read, data } = await decoder(weight, range);
    const width = widthOf(shape);
    const start = read[0] === range.count ? 0 : range.first * width;
    pieces.push({
      shape: [range.count, ...shape.slice(1)],
      data: data.slice(start, start + range.count * width),
    });
  }
  return stacked(pieces);
}
