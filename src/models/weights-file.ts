// A weights file held against what a model needs: every array present, in its shape.
import { AppError } from '../lib/errors';
import {
  readSafetensor,
  readSafetensorsHeader,
  rowsOf,
  type SafetensorsHeader,
} from '../lib/formats/safetensors';
import type { ModelRecord } from '../protocol/models';
import type { WeightReader } from './file-layout';

function mismatch(fact: string, tensor: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The weights do not fit config.json: ${fact}.`, {
    details: { tensor },
    remedy: 'Use the weights and the config.json of the same model.',
  });
}

/** @throws AppError `model.unsupported` naming the first array that is missing or misshapen. */
export function checkWeights({ tensors }: SafetensorsHeader, shapes: ReadonlyMap<string, number[]>): void {
  for (const [name, shape] of shapes) {
    const entry = tensors.get(name);
    if (entry === undefined) throw mismatch(`${name} is missing`, name);
    if (entry.shape.join() !== shape.join()) {
      throw mismatch(`${name} is [${entry.shape.join(', ')}], expected [${shape.join(', ')}]`, name);
    }
  }
}

/** Opens and checks; the reader gives one array or some of its rows at a time. */
export async function openWeights(file: Blob, shapes: ReadonlyMap<string, number[]>): Promise<WeightReader> {
  const header = await readSafetensorsHeader(file);
  checkWeights(header, shapes);
  return async (name, rows) => {
    const entry = header.tensors.get(name);
    if (entry === undefined) throw mismatch(`${name} is missing`, name);
    return readSafetensor(file, rows === undefined ? entry : rowsOf(entry, rows.first, rows.count));
  };
}

/** The storage type of most of a file: the one of its first array. */
export function storageType({ tensors }: SafetensorsHeader): ModelRecord['dtype'] {
  return [...tensors.values()][0]?.dtype ?? 'F32';
}
