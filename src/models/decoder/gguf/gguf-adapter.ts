// LoRA adapters as llama.cpp reads and writes them: the two matrices of each tensor under the tensor's name, and one alpha for
// all. It divides alpha by the rank (llama-adapter.h, get_scale), so rsLoRA's larger scale is written as a larger alpha, and
// tensors of several projections set the rank of all; DoRA has no form there.
import { AppError } from '../../../lib/errors';
import { readGgufHeader } from '../../../lib/formats/gguf/gguf-header';
import { readGgufTensor } from '../../../lib/formats/gguf/gguf-tensor';
import type { GgufEntry, GgufHeader, GgufMetadata, GgufValue } from '../../../lib/formats/gguf/gguf-types';
import { ggufNumber, ggufText } from '../../../lib/formats/gguf/gguf-values';
import type { GgufContent, GgufTensor } from '../../../lib/formats/gguf/gguf-writer';
import type { LoraConfig } from '../../../protocol/models';
import type { FileArray } from '../../file-layout';
import { adapterModules, modulesByKind, outputOf, type AdapterModule } from '../adapter-modules';
import type { DecoderConfig } from '../decoder-config';
import { adapterShapes } from '../decoder-names';
import { resized, trimmed, type SideMatrices } from '../fused-adapter';
import { loraScale } from '../lora-weights';
import { adapterOfModules, adapterToModules, alphaOf, type FoundModule } from '../module-adapter';
import type { GgufForm } from './gguf-form';
import { fromGgufRows, ggufPlaces, hasMovedRows, toGgufRows } from './gguf-names';

export interface GgufAdapter {
  lora: LoraConfig;
  /** By names without PEFT's prefix: A [rank, in], B [out, rank]. */
  arrays: Map<string, FileArray>;
}

const tensorOf = ({ path }: AdapterModule): string => `${path}.weight`;
const nameA = (module: AdapterModule): string => `${tensorOf(module)}.lora_a`;
const nameB = (module: AdapterModule): string => `${tensorOf(module)}.lora_b`;

const modulesOf = (form: GgufForm, config: DecoderConfig): AdapterModule[] =>
  adapterModules(config, ggufPlaces(form, config));

/**
 * An adapter as the content of a GGUF file, in 32-bit floats.
 * @param arrays by names without PEFT's prefix.
 * @throws AppError `model.unsupported` for DoRA, `adapter.bad-config` where an array is missing.
 */
export function ggufAdapterOf(
  config: DecoderConfig,
  adapter: { lora: LoraConfig; arrays: ReadonlyMap<string, FileArray> },
  name: string,
  form: GgufForm,
): GgufContent {
  const { lora, arrays } = adapter;
  if (lora.useDora === true) throw noDora();
  const lost = [...adapterShapes(config, lora).keys()].find((array) => !arrays.has(array));
  if (lost !== undefined) throw unfit('adapter.bad-config', `${lost} is missing`, lost);
  const modules = modulesOf(form, config);
  const kinds = adapterToModules(modules, adapter, () => {
    throw noDora();
  });
  const rank = Math.max(...kinds.map((kind) => kind.rank));
  const sides = new Map(kinds.flatMap((kind) => [...kind.sides]));
  const tensors = modules.flatMap((module) => {
    const side = sides.get(module.path);
    return side === undefined ? [] : tensorsOf(module, resized(side, rank), config, form);
  });
  const isAsked = rank === lora.rank && lora.useRslora !== true;
  return {
    metadata: metadataOf(form, name, isAsked ? lora.alpha : alphaOf(loraScale(lora), { rank })),
    tensors,
  };
}

function noDora(): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', 'A DoRA adapter has no form in GGUF.', {
    remedy: 'Export the merged model as GGUF, or the adapter in the layout of PEFT.',
  });
}

function metadataOf({ architecture }: GgufForm, name: string, alpha: number): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.type', { type: 'string', value: 'adapter' }],
    ['general.name', { type: 'string', value: name }],
    ['adapter.type', { type: 'string', value: 'lora' }],
    ['adapter.lora.alpha', { type: 'float32', value: alpha }],
  ]);
}

/** B of q and k has its rows where llama.cpp has those of their weights. */
function tensorsOf(
  module: AdapterModule,
  { a, b }: SideMatrices,
  { headSize }: DecoderConfig,
  form: GgufForm,
): GgufTensor[] {
  const rows = () =>
    hasMovedRows(form, tensorOf(module)) ? toGgufRows(b.data, headSize, b.shape[1] ?? 1) : b.data;
  return [
    { name: nameA(module), type: 'F32', shape: a.shape, parts: () => [a.data] },
    { name: nameB(module), type: 'F32', shape: b.shape, parts: () => [rows()] },
  ];
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
 * adapter, or one of several scales; `adapter.base-mismatch` where it belongs to another model.
 */
export async function readGgufAdapter(
  file: Blob,
  config: DecoderConfig,
  form: GgufForm,
): Promise<GgufAdapter> {
  const header = await readGgufHeader(file);
  checkKind(header.metadata, form);
  const modules = modulesOf(form, config);
  checkPlaces(header, modules);
  const kinds = [...modulesByKind(modules).values()].filter((kind) =>
    kind.some((module) => header.tensors.has(nameA(module)) || header.tensors.has(nameB(module))),
  );
  if (kinds.length === 0) throw unfit('adapter.bad-config', 'it has no matrices');
  const found: FoundModule[] = [];
  for (const kind of kinds) found.push(...(await readKind(file, header, kind, { config, form })));
  return adapterOfModules(found, { dropout: 0, useRslora: false, useDora: false }, config);
}

/** @throws AppError for a model, another kind of adapter, another architecture. */
function checkKind(metadata: GgufMetadata, form: GgufForm): void {
  const general = ggufText(metadata, 'general.type');
  const kind = ggufText(metadata, 'adapter.type');
  if (kind === null && general !== 'adapter') {
    throw new AppError('adapter.bad-config', 'The GGUF file is a model, not an adapter.', {
      details: { type: general },
      remedy: 'Import it by itself, as a model.',
    });
  }
  if (kind !== 'lora')
    throw unfit('adapter.bad-config', `adapter.type is ${kind ?? 'missing'} instead of lora`);
  if (metadata.has('adapter.alora.invocation_tokens')) {
    throw unfit('adapter.bad-config', 'it is one that some tokens switch on (aLoRA)');
  }
  const architecture = ggufText(metadata, 'general.architecture');
  if (architecture === form.architecture) return;
  const fact = `its architecture is ${architecture ?? 'missing'} instead of ${form.architecture}`;
  throw unfit('adapter.base-mismatch', fact);
}

function checkPlaces({ tensors }: GgufHeader, modules: readonly AdapterModule[]): void {
  const known = new Set(modules.flatMap((module) => [nameA(module), nameB(module)]));
  const extra = [...tensors.keys()].find((name) => !known.has(name));
  if (extra !== undefined) throw unfit('adapter.base-mismatch', `${extra} has no place in the model`, extra);
}

/** The modules of one kind, without what was only there to give all tensors one rank. */
async function readKind(
  file: Blob,
  { metadata, tensors }: GgufHeader,
  kind: readonly AdapterModule[],
  { config, form }: { config: DecoderConfig; form: GgufForm },
): Promise<FoundModule[]> {
  const sides = new Map<string, SideMatrices>();
  const ranks = new Map<string, number>();
  for (const module of kind) {
    const a = tensors.get(nameA(module));
    const rank = a?.shape[0] ?? 0;
    checkShape(nameA(module), a, [Math.max(rank, 1), module.in]);
    const b = tensors.get(nameB(module));
    checkShape(nameB(module), b, [outputOf(module), rank]);
    const read = await readGgufTensor(file, b);
    const isMoved = hasMovedRows(form, tensorOf(module));
    const data = isMoved ? fromGgufRows(read.data, config.headSize, rank) : read.data;
    sides.set(module.path, { a: await readGgufTensor(file, a), b: { ...read, data }, magnitude: null });
    ranks.set(module.path, rank);
  }
  const even = trimmed(sides).sides;
  return kind.flatMap((module) => {
    const side = even.get(module.path);
    const scale = scaleOf(metadata, ranks.get(module.path) ?? 1);
    return side === undefined ? [] : [{ module, side, scale }];
  });
}

/** llama.cpp takes alpha 0 for no scaling at all. */
function scaleOf(metadata: GgufMetadata, rank: number): number {
  const alpha = ggufNumber(metadata, 'adapter.lora.alpha');
  if (alpha === null || !(alpha >= 0 && Number.isFinite(alpha))) {
    throw unfit('adapter.bad-config', `adapter.lora.alpha is ${alpha ?? 'missing'}`);
  }
  return alpha === 0 ? 1 : alpha / rank;
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
