// An adapter between the decoder's projections, each with matrices of one rank, and the modules of a file format, whose ranks
// may differ. What a side path is multiplied with stays: alpha follows the rank. Pure; PEFT and GGUF are both written on it.
import { AppError } from '../../lib/errors';
import { LORA_TARGETS, type LoraConfig } from '../../protocol/models';
import type { FileArray } from '../file-layout';
import { modulesByKind, type AdapterModule } from './adapter-modules';
import { fuseKind, resized, splitKind, type SideMatrices, type SidesOfKind } from './fused-adapter';
import { adapterShapes } from './decoder-names';
import type { DecoderConfig } from './decoder-config';
import { checkAdapterArray, initialLora, loraA, loraB, loraMagnitude } from './lora-weights';

export interface StoredAdapter {
  lora: LoraConfig;
  /** By the decoder's names, without PEFT's prefix: A [rank, in], B [out, rank], with DoRA magnitudes [out]. */
  arrays: ReadonlyMap<string, FileArray>;
}

export interface KindOfModules extends SidesOfKind {
  kind: string;
  modules: AdapterModule[];
}

/** A module's adapter as a file has it. */
export interface FoundModule {
  module: AdapterModule;
  side: SideMatrices;
  /** What the side path is multiplied with. */
  scale: number;
}

/** Alpha that makes a scale of a rank, without the last digits that dividing and multiplying leave behind. */
export function alphaOf(
  scale: number,
  { rank, useRslora = false }: Pick<LoraConfig, 'rank' | 'useRslora'>,
): number {
  const alpha = scale * (useRslora ? Math.sqrt(rank) : rank);
  const short = Number(alpha.toPrecision(12));
  return Math.abs(short - alpha) <= 4 * Number.EPSILON * alpha ? short : alpha;
}

/**
 * @param modules all that the model has.
 * @param lengthsOf see `fuseKind`.
 * @returns the kinds that the adapter changes, in the order of the model's weights.
 */
export function adapterToModules(
  modules: readonly AdapterModule[],
  { lora, arrays }: StoredAdapter,
  lengthsOf: (path: string) => FileArray,
): KindOfModules[] {
  const targets = new Map(modules.flatMap(({ parts }) => parts.map(({ path, target }) => [path, target])));
  const sideOf = (path: string): SideMatrices | null => {
    const target = targets.get(path);
    const [a, b] = [arrays.get(loraA(path)), arrays.get(loraB(path))];
    if (target === undefined || !lora.targets.includes(target) || a === undefined || b === undefined)
      return null;
    return { a, b, magnitude: arrays.get(loraMagnitude(path)) ?? null };
  };
  const kinds: KindOfModules[] = [];
  for (const [kind, all] of modulesByKind(modules)) {
    const { rank, sides } = fuseKind(all, sideOf, lengthsOf);
    if (sides.size > 0) kinds.push({ kind, modules: all, rank, sides });
  }
  return kinds;
}

/**
 * Ranks that differ are brought to the largest: the rest of A is what a new adapter would begin with, that of B zero.
 * @param found in every layer, for each kind of modules that is there.
 * @param form what they have in common.
 * @param config of the base, whose order the arrays have.
 * @throws AppError `adapter.bad-config` where they are multiplied with different numbers.
 */
export function adapterOfModules(
  found: readonly FoundModule[],
  form: Pick<LoraConfig, 'dropout' | 'useRslora' | 'useDora'>,
  config: DecoderConfig,
): { lora: LoraConfig; arrays: Map<string, FileArray> } {
  const scale = commonScale(found);
  const sideOf = new Map(found.map(({ module, side }) => [module.path, side]));
  const modules = found.map(({ module }) => module);
  const split = [...modulesByKind(modules).values()].map((kind) => splitEven(kind, sideOf));
  const rank = Math.max(1, ...split.map((kind) => kind.rank));
  const sides = new Map(split.flatMap((kind) => [...kind.sides]));
  const parts = modules.flatMap((module) => module.parts);
  const adapted = new Set(parts.filter(({ path }) => sides.has(path)).map(({ target }) => target));
  const targets = LORA_TARGETS.filter((target) => adapted.has(target));
  const lora = { rank, alpha: alphaOf(scale, { rank, ...form }), targets, ...form };
  const read = new Map([...sides].flatMap(([path, side]) => arraysOf(path, side, rank)));
  const arrays = new Map<string, FileArray>();
  for (const [name, shape] of adapterShapes(config, lora)) {
    arrays.set(name, checkAdapterArray(name, shape, read.get(name)));
  }
  return { lora, arrays };
}

/** Layers may differ in rank; the smaller ones are filled up with zeros. */
function splitEven(kind: readonly AdapterModule[], sideOf: ReadonlyMap<string, SideMatrices>): SidesOfKind {
  const sides = kind.flatMap(({ path }): [string, SideMatrices][] => {
    const side = sideOf.get(path);
    return side === undefined ? [] : [[path, side]];
  });
  const rank = Math.max(...sides.map(([, { a }]) => a.shape[0] ?? 0));
  const even = new Map(sides.map(([path, side]) => [path, resized(side, rank)]));
  return splitKind(kind, ({ path }) => even.get(path) ?? missing(path));
}

function missing(path: string): never {
  throw new AppError('internal', `The adapter was read without ${path}.`);
}

function arraysOf(path: string, side: SideMatrices, rank: number): [name: string, array: FileArray][] {
  const shape = [rank, side.a.shape[1] ?? 0];
  const fresh = (side.a.shape[0] ?? 0) < rank ? initialLora(new Map([[loraA(path), shape]]), 0) : null;
  const { a, b, magnitude } = resized(side, rank, fresh?.get(loraA(path)));
  const lengths: [string, FileArray][] = magnitude === null ? [] : [[loraMagnitude(path), magnitude]];
  return [[loraA(path), a], [loraB(path), b], ...lengths];
}

/** Numbers that are the same but for rounding. */
const SAME = 1e-9;

function commonScale(found: readonly FoundModule[]): number {
  const [first] = found;
  if (first === undefined) throw new AppError('internal', 'The adapter was read without any module.');
  const other = found.find(({ scale }) => Math.abs(scale - first.scale) > SAME * Math.abs(first.scale));
  if (other === undefined) return first.scale;
  const said = [first, other].map(({ module, scale }) => `${module.path} by ${Number(scale.toPrecision(6))}`);
  throw new AppError(
    'adapter.bad-config',
    `The adapter multiplies its modules with different numbers (${said.join(', ')}); one rank and alpha must do for all.`,
    {
      details: { modules: [first.module.path, other.module.path] },
      remedy: 'Merge the adapter into its base where it was made, and import the merged model.',
    },
  );
}
