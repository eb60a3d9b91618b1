// A decoder's weights out of a GGUF file and into one, under the decoder's names and row order on this side. Arrays are read
// when they are asked for, some rows at a time; the file is never in memory whole.
import { unsupportedGguf } from '../../../lib/formats/gguf/gguf-faults';
import type { GgufWritableType } from '../../../lib/formats/gguf/gguf-encode';
import { readWholeGguf, type GgufPartsOptions } from '../../../lib/formats/gguf/gguf-parts';
import { ggufRows, readGgufTensor } from '../../../lib/formats/gguf/gguf-tensor';
import { ggufText } from '../../../lib/formats/gguf/gguf-values';
import { PieceMemory } from '../../../lib/formats/piece-memory';
import { GGUF_LAYOUTS, type GgufEntry, type GgufHeader } from '../../../lib/formats/gguf/gguf-types';
import type { GgufTensor } from '../../../lib/formats/gguf/gguf-writer';
import type { FileArray, RowRange, WeightReader } from '../../file-layout';
import { configJsonOfGguf, ggufFormOf } from './gguf-config';
import type { GgufForm } from './gguf-form';
import {
  fromGgufRows,
  GGUF_EMBEDDING,
  GGUF_HEAD,
  GGUF_ROPE_FACTORS,
  ggufPlaces,
  hasMovedRows,
  toGgufRows,
} from './gguf-names';
import { ropeFactors } from './gguf-rope';
import type { DecoderConfig } from '../decoder-config';

/** Floats of one part of a tensor that is written. */
const PART_ELEMENTS = 1 << 20;

export interface GgufModelFile {
  header: GgufHeader;
  /** The file, or the parts that it was split into. */
  parts: readonly Blob[];
  form: GgufForm;
  /** As Hugging Face's config.json would be. */
  configJson: Record<string, unknown>;
  /**
   * The weights by the decoder's names, as 32-bit floats.
   * @param config what `configJson` means. @throws AppError `model.unsupported` where the tensors are not the decoder's.
   */
  reader: (config: DecoderConfig) => WeightReader;
}

/**
 * @param first the file, or the first of the parts that it was split into.
 * @param forms those that can be read.
 * @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`.
 */
export async function openGguf(
  first: Blob,
  forms: readonly GgufForm[],
  others: GgufPartsOptions = {},
): Promise<GgufModelFile> {
  const { header, file, parts } = await readWholeGguf(first, others);
  refuseAdapter(header);
  const form = ggufFormOf(header.metadata, forms);
  const factors = header.tensors.get(GGUF_ROPE_FACTORS);
  const configJson = configJsonOfGguf(
    header,
    form,
    factors === undefined ? null : (await readGgufTensor(file, factors)).data,
  );
  return { header, parts, form, configJson, reader: (config) => readerOf(file, header, form, config) };
}

function refuseAdapter({ metadata }: GgufHeader): void {
  if (ggufText(metadata, 'general.type') !== 'adapter' && !metadata.has('adapter.type')) return;
  throw unsupportedGguf(
    'it is an adapter, not a model',
    'Import it as an adapter, for the model that it was made for.',
  );
}

function readerOf(file: Blob, header: GgufHeader, form: GgufForm, config: DecoderConfig): WeightReader {
  const places = ggufPlaces(form, config);
  const entries = checkedEntries(header, places.shapes(), config);
  const pieces = new PieceMemory();
  const read: WeightReader = async (name, rows) => {
    const entry = entries.get(name);
    if (entry === undefined) throw misfit(`${name} is missing`, name);
    const memory = rows === undefined ? null : pieces;
    if (!hasMovedRows(form, name)) return readGgufTensor(file, selected(entry, rows), memory);
    return readMovedRows(file, entry, config.headSize, rows, memory);
  };
  read.stored = (name) => {
    const entry = entries.get(name);
    return entry === undefined
      ? null
      : { file, ...entry, headSize: hasMovedRows(form, name) ? config.headSize : null };
  };
  return places.decoderReader(read);
}

function misfit(fact: string, tensor: string): Error {
  return unsupportedGguf(fact, 'Use an unchanged file of the model.', { tensor });
}

/** Every tensor of the decoder in its shape, and nothing else: a tensor left over is arithmetic left out. */
function checkedEntries(
  { tensors }: GgufHeader,
  shapes: ReadonlyMap<string, number[]>,
  { layers }: DecoderConfig,
): ReadonlyMap<string, GgufEntry> {
  for (const [name, shape] of shapes) {
    const entry = tensors.get(name);
    if (entry === undefined) throw misfit(`${name} is missing`, name);
    if (entry.shape.join() !== shape.join()) {
      throw misfit(`${name} is [${entry.shape.join(', ')}], expected [${shape.join(', ')}]`, name);
    }
  }
  const extra = [...tensors.keys()].find((name) => !shapes.has(name) && name !== GGUF_ROPE_FACTORS);
  if (extra !== undefined) throw misfit(`${extra} has no place in a model of ${layers} layers`, extra);
  return tensors;
}

function selected(entry: GgufEntry, rows: RowRange | undefined): GgufEntry {
  return rows === undefined ? entry : ggufRows(entry, rows.first, rows.count);
}

/** Rows of a head are spread over it: the heads that hold the range are read, put in order and cut. */
async function readMovedRows(
  file: Blob,
  entry: GgufEntry,
  headSize: number,
  rows: RowRange | undefined,
  memory: PieceMemory | null,
): Promise<FileArray> {
  const [allRows = 0, columns = 0] = entry.shape;
  const { first, count } = rows ?? { first: 0, count: allRows };
  // Complains about rows that are not there, before they are rounded to heads.
  ggufRows(entry, first, count);
  const from = Math.floor(first / headSize) * headSize;
  const to = Math.ceil((first + count) / headSize) * headSize;
  const { data } = await readGgufTensor(file, ggufRows(entry, from, to - from), memory);
  const ordered = fromGgufRows(data, headSize, columns, memory?.ordered(data.length));
  const start = (first - from) * columns;
  return { shape: [count, columns], data: ordered.subarray(start, start + count * columns) };
}

/**
 * The tensors of a GGUF file with these weights. Vectors stay F32, as llama.cpp needs them; in a Q4_0 file the output head
 * is Q8_0, where an error costs most; matrices whose rows are no whole number of blocks are F16.
 * @param read by the decoder's names; a reader that knows no rows is asked for the whole array several times.
 */
export function ggufTensorsOf(
  config: DecoderConfig,
  read: WeightReader,
  type: GgufWritableType,
  form: GgufForm,
): GgufTensor[] {
  const places = ggufPlaces(form, config);
  const files = places.fileReader(read);
  const tensors = [...places.shapes()].map(([name, shape]): GgufTensor => ({
    name,
    type: storageOf(config, name, shape, type),
    shape,
    parts: () => partsOf(config, files, name, shape, hasMovedRows(form, name)),
  }));
  const { ropeScaling } = config;
  if (ropeScaling?.type === 'llama3') {
    const factors = ropeFactors(config, ropeScaling);
    tensors.push({ name: GGUF_ROPE_FACTORS, type: 'F32', shape: [factors.length], parts: () => [factors] });
  }
  return tensors;
}

function storageOf(
  { tiedHead }: DecoderConfig,
  name: string,
  shape: readonly number[],
  type: GgufWritableType,
): GgufWritableType {
  if (shape.length === 1) return 'F32';
  const isHead = name === (tiedHead ? GGUF_EMBEDDING : GGUF_HEAD);
  const wanted = type === 'Q4_0' && isHead ? 'Q8_0' : type;
  return (shape.at(-1) ?? 0) % GGUF_LAYOUTS[wanted].blockSize === 0 ? wanted : 'F16';
}

async function* partsOf(
  { headSize }: DecoderConfig,
  read: WeightReader,
  name: string,
  shape: readonly number[],
  moved: boolean,
): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
  const [rows = 0, columns] = shape;
  if (columns === undefined) {
    yield (await read(name)).data;
    return;
  }
  const least = moved ? headSize : 1;
  const step = Math.max(Math.floor(PART_ELEMENTS / columns / least) * least, least);
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const data = await readRows(read, name, { first, count }, columns);
    yield moved ? toGgufRows(data, headSize, columns) : data;
  }
}

async function readRows(
  read: WeightReader,
  name: string,
  rows: RowRange,
  columns: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { shape, data } = await read(name, rows);
  if (shape[0] === rows.count) return data;
  return data.subarray(rows.first * columns, (rows.first + rows.count) * columns);
}
