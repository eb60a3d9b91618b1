// Safetensors files held against what a model needs: every array present, in its shape, in the file that is said to
// have it. The files stay where they are; a reader takes from them what is asked for.
import { AppError } from '../lib/errors';
import { PieceMemory } from '../lib/formats/piece-memory';
import {
  readSafetensor,
  readSafetensorsHeader,
  rowsOf,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type SafetensorsType,
} from '../lib/formats/safetensors';
import type { NamedFile } from '../protocol/models';
import type { WeightReader } from './file-layout';

/** One file, or several with an index of which array is where. */
export interface WeightFiles {
  files: readonly NamedFile[];
  /** Names of files by names of arrays; null for a single file. */
  fileOf: ReadonlyMap<string, string> | null;
}

interface Place {
  file: Blob;
  entry: SafetensorsEntry;
}

export interface OpenWeights {
  /** One array or some of its rows at a time, by the names in the files. */
  read: WeightReader;
  /** What most of the weights are stored in. */
  precision: SafetensorsType;
  metadata: Record<string, string>;
}

function mismatch(fact: string, tensor: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The weights do not fit config.json: ${fact}.`, {
    details: { tensor },
    remedy: 'Use the weights and the config.json of the same model.',
  });
}

/** Files of a model that was saved without its head, as GPT-2's are, leave out the module that is in front of all others. */
const placeOf = (places: ReadonlyMap<string, Place>, name: string): Place | undefined =>
  places.get(name) ?? places.get(name.replace(/^(model|transformer)\./, ''));

/** @throws AppError `model.unsupported` naming the first array that is missing or misshapen. */
function checkShapes(places: ReadonlyMap<string, Place>, shapes: ReadonlyMap<string, number[]>): void {
  for (const [name, shape] of shapes) {
    const found = placeOf(places, name)?.entry.shape;
    if (found === undefined) throw mismatch(`${name} is missing`, name);
    if (found.join() !== shape.join()) {
      throw mismatch(`${name} is [${found.join(', ')}], expected [${shape.join(', ')}]`, name);
    }
  }
}

/** The model would miss everything; better to say what the file is. */
function refuseAdapter(places: ReadonlyMap<string, Place>): void {
  const tensor = [...places.keys()].find((name) => /\.lora_[AB]\./.test(name));
  if (tensor === undefined) return;
  throw new AppError(
    'model.unsupported',
    `The weights are an adapter’s, not a model’s: they have ${tensor}.`,
    {
      details: { tensor },
      remedy:
        'Name the file adapter_model.safetensors and import it with its adapter_config.json, as an adapter.',
    },
  );
}

/** The complaint names the file: there may be many. */
async function headerOf({ name, blob }: NamedFile): Promise<SafetensorsHeader> {
  try {
    return await readSafetensorsHeader(blob);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${name}: ${error.message}`, {
      details: { ...error.details, file: name },
      ...(error.remedy === null ? {} : { remedy: error.remedy }),
      cause: error,
    });
  }
}

function indexFault(fact: string, details: Record<string, unknown>): AppError<'model.bad-header'> {
  return new AppError('model.bad-header', `The index of the weights is wrong: ${fact}.`, {
    details,
    remedy: 'Download all files of the model again, at the same revision.',
  });
}

/** Every array that the index names must be where it says; others that the files have are left alone. */
function placesOf(
  opened: ReadonlyMap<string, { file: Blob; header: SafetensorsHeader }>,
  fileOf: WeightFiles['fileOf'],
): Map<string, Place> {
  const places = new Map<string, Place>();
  if (fileOf === null) {
    for (const { file, header } of opened.values()) {
      for (const [name, entry] of header.tensors) places.set(name, { file, entry });
    }
    return places;
  }
  for (const [name, fileName] of fileOf) {
    const shard = opened.get(fileName);
    const entry = shard?.header.tensors.get(name);
    if (shard === undefined || entry === undefined) {
      throw indexFault(`${fileName} does not have ${name}`, { tensor: name, file: fileName });
    }
    places.set(name, { file: shard.file, entry });
  }
  return places;
}

function precisionOf(places: Iterable<Place>): SafetensorsType {
  const bytes = new Map<SafetensorsType, number>();
  for (const { entry } of places) {
    bytes.set(entry.dtype, (bytes.get(entry.dtype) ?? 0) + entry.end - entry.begin);
  }
  return [...bytes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'F32';
}

/**
 * Opens and checks.
 * @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`.
 */
export async function openWeights(
  { files, fileOf }: WeightFiles,
  shapes: ReadonlyMap<string, number[]>,
): Promise<OpenWeights> {
  const opened = new Map<string, { file: Blob; header: SafetensorsHeader }>();
  for (const file of files) opened.set(file.name, { file: file.blob, header: await headerOf(file) });
  const places = placesOf(opened, fileOf);
  refuseAdapter(places);
  checkShapes(places, shapes);
  const memory = new PieceMemory();
  const read: WeightReader = async (name, rows) => {
    const place = placeOf(places, name);
    if (place === undefined) throw mismatch(`${name} is missing`, name);
    const { file, entry } = place;
    if (rows === undefined) return readSafetensor(file, entry);
    return readSafetensor(file, rowsOf(entry, rows.first, rows.count), memory);
  };
  read.stored = (name) => {
    const place = placeOf(places, name);
    if (place === undefined) return null;
    const { dtype: type, shape, begin, end } = place.entry;
    return { file: place.file, type, shape, begin, end, headSize: null };
  };
  const metadata = Object.assign({}, ...[...opened.values()].map(({ header }) => header.metadata)) as Record<
    string,
    string
  >;
  return { read, precision: precisionOf(places.values()), metadata };
}
