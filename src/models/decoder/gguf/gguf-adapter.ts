// LoRA adapters as llama.cpp reads them: the two matrices of each projection under the projection's GGUF name, and alpha. It
// divides alpha by the rank, so rsLoRA's larger scale is written as a larger alpha; DoRA has no form there.
import { AppError } from '../../../lib/errors';
import { readGgufHeader } from '../../../lib/formats/gguf/gguf-header';
import { readGgufTensor } from '../../../lib/formats/gguf/gguf-tensor';
import type { GgufEntry, GgufHeader, GgufValue } from '../../../lib/formats/gguf/gguf-types';
import { ggufNumber, ggufText } from '../../../lib/formats/gguf/gguf-values';
import type { GgufContent, GgufTensor } from '../../../lib/formats/gguf/gguf-writer';
import { LORA_TARGETS, type LoraConfig, type LoraTarget } from '../../../protocol/models';
import type { FileArray } from '../../file-layout';
import type { GgufForm } from './gguf-form';
import { fromGgufRows, ggufProjection, hasMovedRows, toGgufRows } from './gguf-names';
import type { DecoderConfig } from '../decoder-config';
import { adapterShapes, projectionPath, projections } from '../decoder-names';

export interface GgufAdapter {
  lora: LoraConfig;
  /** By names without PEFT's prefix: A [rank, in], B [out, rank]. */
  arrays: Map<string, FileArray>;
}

type Matrix = 'A' | 'B';

interface Place {
  name: string;
  ggufName: string;
  /** B of q and k where llama.cpp has their rows in another order. */
  moved: boolean;
}

function placesOf(form: GgufForm, config: DecoderConfig, targets: readonly LoraTarget[]): Place[] {
  const places: Place[] = [];
  for (let layer = 0; layer < config.layers; layer += 1) {
    for (const target of projections(config).filter((name) => targets.includes(name))) {
      for (const matrix of ['A', 'B'] as Matrix[]) {
        places.push({
          name: `${projectionPath(layer, target)}.lora_${matrix}.weight`,
          ggufName: ggufMatrix(layer, target, matrix),
          moved: matrix === 'B' && hasMovedRows(form, ggufProjection(layer, target)),
        });
      }
    }
  }
  return places;
}

function ggufMatrix(layer: number, target: LoraTarget, matrix: Matrix): string {
  return `${ggufProjection(layer, target)}.lora_${matrix.toLowerCase()}`;
}

/**
 * An adapter as the content of a GGUF file, in 32-bit floats.
 * @param arrays by names without PEFT's prefix.
 * @throws AppError `model.unsupported` for DoRA and for families whose projections are one matrix there,
 * `adapter.bad-config` where an array is missing.
 */
export function ggufAdapterOf(
  config: DecoderConfig,
  { lora, arrays }: { lora: LoraConfig; arrays: ReadonlyMap<string, FileArray> },
  name: string,
  form: GgufForm,
): GgufContent {
  checkApart(form);
  if (lora.useDora === true) {
    throw new AppError('model.unsupported', 'A DoRA adapter has no form in GGUF.', {
      remedy: 'Export the merged model as GGUF, or the adapter in the layout of PEFT.',
    });
  }
  const alpha = lora.useRslora === true ? lora.alpha * Math.sqrt(lora.rank) : lora.alpha;
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: form.architecture }],
    ['general.type', { type: 'string', value: 'adapter' }],
    ['general.name', { type: 'string', value: name }],
    ['adapter.type', { type: 'string', value: 'lora' }],
    ['adapter.lora.alpha', { type: 'float32', value: alpha }],
  ]);
  const tensors = placesOf(form, config, lora.targets).map((place): GgufTensor => {
    const found = arrays.get(place.name);
    if (found === undefined) throw unfit('adapter.bad-config', `${place.name} is missing`, place.name);
    const { shape, data } = found;
    const part = place.moved ? () => toGgufRows(data, config.headSize, shape[1] ?? 1) : () => data;
    return { name: place.ggufName, type: 'F32', shape, parts: () => [part()] };
  });
  return { metadata, tensors };
}

function checkApart({ architecture, fused }: GgufForm): void {
  if (fused.length === 0) return;
  throw new AppError(
    'model.unsupported',
    `Projections that ${architecture} keeps as one matrix in GGUF cannot have adapters of their own there.`,
    { remedy: 'Export the merged model as GGUF, or the adapter in the layout of PEFT.' },
  );
}

function unfit<Code extends 'adapter.bad-config' | 'adapter.base-mismatch'>(
  code: Code,
  fact: string,
  tensor?: string,
): AppError<Code> {
  return new AppError(code, `The GGUF adapter cannot be used: ${fact}.`, {
    details: tensor === undefined ? {} : { tensor },
    remedy: 'Use an unchanged LoRA adapter that was made for this model.',
  });
}

/**
 * @param config of the model that the adapter must fit.
 * @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`; `adapter.bad-config` where it is no LoRA
 * adapter of one rank; `adapter.base-mismatch` where it belongs to another model.
 */
export async function readGgufAdapter(
  file: Blob,
  config: DecoderConfig,
  form: GgufForm,
): Promise<GgufAdapter> {
  checkApart(form);
  const header = await readGgufHeader(file);
  const lora = loraOf(header, form);
  const shapes = adapterShapes(config, lora);
  const arrays = new Map<string, FileArray>();
  const places = placesOf(form, config, lora.targets);
  for (const { name, ggufName, moved } of places) {
    const entry = header.tensors.get(ggufName);
    checkShape(ggufName, entry, shapes.get(name) ?? []);
    const { shape, data } = await readGgufTensor(file, entry);
    arrays.set(name, { shape, data: moved ? fromGgufRows(data, config.headSize, lora.rank) : data });
  }
  const known = new Set(places.map(({ ggufName }) => ggufName));
  const extra = [...header.tensors.keys()].find((name) => !known.has(name));
  if (extra !== undefined) throw unfit('adapter.base-mismatch', `${extra} has no place in the model`, extra);
  return { lora, arrays };
}

function checkShape(
  name: string,
  entry: GgufEntry | undefined,
  expected: readonly number[],
): asserts entry is GgufEntry {
  if (entry === undefined) throw unfit('adapter.base-mismatch', `${name} is missing`, name);
  if (entry.shape.join() === expected.join()) return;
  const [is, wanted] = [entry.shape.join(', '), expected.join(', ')];
  throw unfit('adapter.base-mismatch', `${name} is [${is}], expected [${wanted}]`, name);
}

function loraOf({ metadata, tensors }: GgufHeader, form: GgufForm): LoraConfig {
  const kind = ggufText(metadata, 'adapter.type');
  if (kind !== 'lora')
    throw unfit('adapter.bad-config', `adapter.type is ${kind ?? 'missing'} instead of lora`);
  const architecture = ggufText(metadata, 'general.architecture');
  if (architecture !== form.architecture) {
    const fact = `its architecture is ${architecture ?? 'missing'} instead of ${form.architecture}`;
    throw unfit('adapter.base-mismatch', fact);
  }
  const targets = LORA_TARGETS.filter((target) => tensors.has(ggufMatrix(0, target, 'A')));
  const [first] = targets;
  const rank = first === undefined ? undefined : tensors.get(ggufMatrix(0, first, 'A'))?.shape[0];
  if (rank === undefined) throw unfit('adapter.bad-config', 'it has no matrices for the first layer');
  const alpha = ggufNumber(metadata, 'adapter.lora.alpha');
  if (alpha === null || !(alpha > 0 && Number.isFinite(alpha))) {
    throw unfit('adapter.bad-config', `adapter.lora.alpha is ${alpha ?? 'missing'}`);
  }
  return { rank, alpha, dropout: 0, targets, useRslora: false, useDora: false };
}
