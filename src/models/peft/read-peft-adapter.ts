// An adapter's two files as people have them, brought to what is stored here: checked against the base, and where the base
// keeps several projections in one module, or names and ranks are others, taken apart. Files that are already so stay.
import {
  readSafetensor,
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from '../../lib/formats/safetensors';
import type { LoraConfig, ModelRecord } from '../../protocol/models';
import { apart, modulesByKind, outputOf, type AdapterModule } from '../decoder/adapter-modules';
import type { SideMatrices } from '../decoder/fused-adapter';
import { loraScale } from '../decoder/lora-weights';
import { adapterOfModules, type FoundModule, type StoredAdapter } from '../decoder/module-adapter';
import type { ModelPlan } from '../model-family';
import { parseAdapterConfig, patternValue, type PeftConfig } from './adapter-config';
import { badWeights, baseMismatch } from './adapter-faults';
import { moduleArrayOf, moduleAt, withoutPrefix, type MatrixName } from './adapter-names';

export interface PeftReading {
  lora: LoraConfig;
  /** null where the files can be stored as they are. */
  arrays: StoredAdapter['arrays'] | null;
}

interface Entry {
  name: string;
  entry: SafetensorsEntry;
}
type Entries = Partial<Record<MatrixName, Entry>>;

/** What the file has of each module of the base. */
interface FoundArrays {
  /** By path. */
  entries: Map<string, Entries>;
  /** The file names modules of the base as it is stored here. */
  isPlain: boolean;
  modules: readonly AdapterModule[];
}

/**
 * @param configText adapter_config.json. @param weights adapter_model.safetensors.
 * @throws AppError `adapter.bad-config` for what an adapter here cannot have; `adapter.base-mismatch` naming the array that
 * does not fit; `model.bad-header`, `model.truncated`, `model.unsupported` for the weights file itself.
 */
export async function readPeftAdapter(
  configText: string,
  weights: Blob,
  base: ModelRecord,
  plan: ModelPlan,
): Promise<PeftReading> {
  const config = parseAdapterConfig(configText);
  const header = await readSafetensorsHeader(weights);
  const bound = header.metadata['base_fingerprint'];
  if (bound !== undefined && bound !== base.fingerprint) {
    throw baseMismatch(base, 'it names the weights of another model');
  }
  const { modules, entries, isPlain } = findArrays(header, base, plan);
  const adapted = adaptedModules(modules, entries, config).map((module): AdaptedModule => {
    const found = entries.get(module.path) ?? {};
    const rank = checkModule(module, found, config, base);
    return { module, found, rank, alpha: alphaFor(config, module.path) };
  });
  const isEven = adapted.every(({ rank, alpha }) => rank === config.rank && alpha === config.alpha);
  if (isPlain && isEven) return { lora: plainLora(config, adapted), arrays: null };
  const { dropout, useRslora, useDora } = config;
  const read: FoundModule[] = [];
  for (const { module, found, ...scaling } of adapted) {
    const side = await readSide(weights, found);
    read.push({ module, side, scale: loraScale({ ...scaling, useRslora }) });
  }
  return adapterOfModules(read, { dropout, useRslora, useDora }, plan.decoder);
}

/** A module of the base, what the file has of it, and what the configuration says of it. */
interface AdaptedModule {
  module: AdapterModule;
  found: Entries;
  rank: number;
  alpha: number;
}

const alphaFor = ({ alphaPattern, alpha }: PeftConfig, path: string): number =>
  patternValue(alphaPattern, path, { usual: alpha, of: 'alpha_pattern' });

function plainLora(
  { rank, alpha, dropout, useRslora, useDora }: PeftConfig,
  adapted: readonly AdaptedModule[],
): LoraConfig {
  const targets = new Set(adapted.flatMap(({ module }) => module.parts.map(({ target }) => target)));
  return { rank, alpha, dropout, targets: [...targets], useRslora, useDora };
}

/** Every array has its module, or the file is refused: what it holds beside side paths would be lost. */
function findArrays({ tensors }: SafetensorsHeader, base: ModelRecord, plan: ModelPlan): FoundArrays {
  const arrays = [...tensors].map(([name, entry]) => ({ name, entry, place: moduleArrayOf(name) }));
  if (!arrays.some(({ place }) => place !== null)) {
    throw badWeights(
      'its file has weights of a model and no LoRA matrices',
      'Import it as a model, with its config.json and tokenizer.json.',
    );
  }
  const modules = modulesOf(
    plan,
    arrays.flatMap(({ place }) => place?.path ?? []),
  );
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const entries = new Map<string, Entries>();
  let isPlain = true;
  for (const { name, entry, place } of arrays) {
    const module = place === null ? null : moduleAt(byPath, place.path);
    if (place === null || module === null) throw noPlace(name, base);
    const own = entries.get(module.path) ?? {};
    if (own[place.matrix] !== undefined) throw badWeights(`${name} is there twice, by two names`, TWICE);
    entries.set(module.path, { ...own, [place.matrix]: { name, entry } });
    isPlain &&= module.parts[0]?.path === module.path && isOwnName(name, module.path, place.matrix);
  }
  return { entries, isPlain: isPlain && modules.every(({ parts }) => parts.length === 1), modules };
}

const TWICE = 'Export one adapter at a time.';

const ENDINGS: Record<MatrixName, string> = {
  a: 'lora_A.weight',
  b: 'lora_B.weight',
  magnitude: 'lora_magnitude_vector',
};
const isOwnName = (name: string, path: string, matrix: MatrixName): boolean =>
  withoutPrefix(name) === `${path}.${ENDINGS[matrix]}`;

/** Those of the family's files, or the decoder's where that is how the file names them. */
function modulesOf(plan: ModelPlan, paths: readonly string[]): readonly AdapterModule[] {
  const modules = plan.adapterModules();
  const own = apart(modules);
  const [inFiles, inDecoder] = [modules, own].map((all) => {
    const byPath = new Map(all.map((module) => [module.path, module]));
    return paths.filter((path) => moduleAt(byPath, path) !== null).length;
  });
  return (inDecoder ?? 0) > (inFiles ?? 0) ? own : modules;
}

function noPlace(name: string, base: ModelRecord): Error {
  const place = moduleArrayOf(name);
  if (
    place === null ||
    /(^|\.)(lm_head|embed_\w+|wte|wpe)$/.test(place.path) ||
    name.includes('lora_embedding')
  ) {
    return badWeights(
      `it holds ${name}, which is no side path of a projection: trained embeddings, heads, norms and biases have no place in an adapter here`,
      'Merge the adapter into its base where it was made, and import the merged model.',
      { tensor: name },
    );
  }
  return baseMismatch(base, `${name} has no place in it`);
}

/** Of each kind that the file or the configuration names, the modules of all layers. */
function adaptedModules(
  modules: readonly AdapterModule[],
  entries: FoundArrays['entries'],
  { targetModules }: PeftConfig,
): AdapterModule[] {
  const isNamed = ({ path }: AdapterModule) =>
    targetModules?.some((name) => path === name || path.endsWith(`.${name}`)) === true;
  return [...modulesByKind(modules).values()].flatMap((kind) =>
    kind.some((module) => isNamed(module) || entries.has(module.path)) ? kind : [],
  );
}

/** @returns the module's rank. */
function checkModule(module: AdapterModule, found: Entries, config: PeftConfig, base: ModelRecord): number {
  const rank = patternValue(config.rankPattern, module.path, { usual: config.rank, of: 'rank_pattern' });
  const out = outputOf(module);
  const expected: [MatrixName, number[]][] = [
    ['a', [rank, module.in]],
    ['b', [out, rank]],
    ...(config.useDora ? ([['magnitude', [out]]] as [MatrixName, number[]][]) : []),
  ];
  for (const [matrix, shape] of expected) {
    const name = `${module.path}.${ENDINGS[matrix]}`;
    const has = found[matrix]?.entry.shape;
    if (has?.join() === shape.join()) continue;
    const is = has === undefined ? 'missing' : `[${has.join(', ')}]`;
    throw baseMismatch(base, `${name} is ${is}, expected [${shape.join(', ')}]`);
  }
  if (!config.useDora && found.magnitude !== undefined) {
    throw badWeights(`it holds ${found.magnitude.name}, but use_dora is not set`, UNCHANGED);
  }
  return rank;
}

const UNCHANGED = 'Use the unchanged adapter_config.json that belongs to these adapter weights.';

async function readSide(weights: Blob, { a, b, magnitude }: Entries): Promise<SideMatrices> {
  if (a === undefined || b === undefined) throw new RangeError('A module was read before it was checked.');
  return {
    a: await readSafetensor(weights, a.entry),
    b: await readSafetensor(weights, b.entry),
    magnitude: magnitude === undefined ? null : await readSafetensor(weights, magnitude.entry),
  };
}
