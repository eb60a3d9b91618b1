// A stored adapter in the layout that PEFT has for its base: the modules of the family's files, their names and shapes. What
// PEFT would find as it is stored stays byte for byte. Arrays are read when files are made and held until then by nobody.
import { AppError } from '../../lib/errors';
import type { LoraConfig, ModelRecord, NamedFile } from '../../protocol/models';
import { isPlain, type AdapterModule, type AdapterPart } from '../decoder/adapter-modules';
import { adapterToModules, type KindOfModules, type StoredAdapter } from '../decoder/module-adapter';
import { loraA, loraB, loraMagnitude } from '../decoder/lora-weights';
import type { FileArray, WeightReader } from '../file-layout';
import type { ModelPlan } from '../model-family';
import { writtenModules } from './adapter-config';
import { kindNames } from './adapter-names';
import { encodeAdapter } from './encode-adapter';

/** Modules of the base that an adapter changes, as PEFT and those who build on it name them. */
export interface PeftModules {
  names: string[];
  /** The file can be written as it is stored. */
  asStored: boolean;
}

export function peftModules(plan: ModelPlan, { targets }: Pick<LoraConfig, 'targets'>): PeftModules {
  const modules = plan.adapterModules();
  const nameOf = kindNames([...new Set(modules.map(({ kind }) => kind))]);
  const adapted = targets.flatMap(
    (target) => modules.find(({ parts }) => parts.some((part) => part.target === target)) ?? [],
  );
  return {
    names: [...new Set(adapted.map(({ kind }) => nameOf(kind)))],
    asStored: adapted.every(isPlain),
  };
}

/**
 * The two files where they are not as stored.
 * @param base what the adapter was trained on. @param openWeights by the decoder's names: DoRA's magnitudes are of all rows
 * of a module, and those of projections that were not trained are the lengths that they have.
 */
export async function peftFiles(
  plan: ModelPlan,
  adapter: StoredAdapter,
  base: ModelRecord,
  openWeights: () => Promise<WeightReader>,
): Promise<{ files: NamedFile[]; rank: number }> {
  const modules = plan.adapterModules();
  const lengths = await untrainedLengths(modules, adapter.lora, openWeights);
  const kinds = adapterToModules(modules, adapter, (path) => lengths.get(path) ?? noLengths(path));
  const nameOf = kindNames([...new Set(modules.map(({ kind }) => kind))]);
  const { names } = peftModules(plan, adapter.lora);
  const written = { ...writtenModules(kinds, adapter.lora, nameOf), names };
  return {
    files: encodeAdapter(arraysOf(kinds), adapter.lora, base, written),
    rank: Math.max(...kinds.map(({ rank }) => rank)),
  };
}

/** Of the rows of projections that DoRA has not trained, in modules where it has trained others; by path. */
async function untrainedLengths(
  modules: readonly AdapterModule[],
  { targets, useDora }: LoraConfig,
  openWeights: () => Promise<WeightReader>,
): Promise<Map<string, FileArray>> {
  const lengths = new Map<string, FileArray>();
  if (useDora !== true) return lengths;
  const isTrained = ({ target }: AdapterPart) => targets.includes(target);
  const paths = modules
    .filter(({ parts }) => parts.some(isTrained))
    .flatMap(({ parts }) => parts.filter((part) => !isTrained(part)).map(({ path }) => path));
  if (paths.length === 0) return lengths;
  const read = await openWeights();
  for (const path of paths) lengths.set(path, rowLengths(await read(`${path}.weight`)));
  return lengths;
}

function noLengths(path: string): never {
  throw new AppError('internal', `The lengths of ${path} were not read.`);
}

function arraysOf(kinds: readonly KindOfModules[]): Map<string, FileArray> {
  const arrays = new Map<string, FileArray>();
  for (const { sides } of kinds) {
    for (const [path, { a, b, magnitude }] of sides) {
      arrays.set(loraA(path), a);
      arrays.set(loraB(path), b);
      if (magnitude !== null) arrays.set(loraMagnitude(path), magnitude);
    }
  }
  return arrays;
}

function rowLengths({ shape: [rows = 0, columns = 0], data }: FileArray): FileArray {
  const lengths = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    let squares = 0;
    for (let i = row * columns; i < (row + 1) * columns; i += 1) squares += (data[i] ?? 0) ** 2;
    lengths[row] = Math.sqrt(squares);
  }
  return { shape: [rows], data: lengths };
}
