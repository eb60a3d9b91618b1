// Which weights of a decoder one product reads together: they lie below each other in memory, as rows of one matrix.
import { isQuantisable, type Storage, type WeightGroup } from '../../../engine/planned';
import type { LoraTarget } from '../../../protocol/models';
import { traitsOf, type DecoderConfig } from '../decoder-config';
import {
  biasOf,
  EMBEDDING,
  hasBias,
  HEAD,
  normSizes,
  POSITIONS,
  projectionPath,
  projections,
  projectionShape,
  type AdapterForm,
} from '../decoder-names';
import { loraA, loraB, loraMagnitude } from '../lora-weights';

/** Projections of a block by what they read, of any model. */
const SITES = {
  'attention-in': ['q', 'k', 'v'],
  'attention-out': ['o'],
  'mlp-in': ['gate', 'up'],
  'mlp-out': ['down'],
} as const satisfies Record<string, readonly LoraTarget[]>;

export type Site = keyof typeof SITES;

export const SITE_NAMES = Object.keys(SITES) as Site[];

/** Those that this model has. */
export function siteProjections(config: DecoderConfig, site: Site): LoraTarget[] {
  const all = projections(config);
  return SITES[site].filter((target) => all.includes(target));
}

export const siteKey = (layer: number, site: Site): string => `${layer}.${site}`;
export const siteBiasKey = (layer: number, site: Site): string => `${layer}.${site}.bias`;
export const siteLoraKey = (layer: number, site: Site): string => `${layer}.${site}.lora_A`;
export const siteMagnitudeKey = (layer: number, site: Site): string => `${layer}.${site}.magnitude`;

const single = (name: string, shape: readonly number[]): [string, WeightGroup] => [
  name,
  { members: new Map([[name, shape]]), shape },
];

/** In few bits where the shape allows it, f32 otherwise. */
function kept([key, group]: [string, WeightGroup], storage: Storage): [string, WeightGroup] {
  return [key, storage !== 'f32' && isQuantisable(group.shape) ? { ...group, storage } : group];
}

function siteGroup(config: DecoderConfig, layer: number, site: Site): [string, WeightGroup] {
  const members = new Map<string, readonly number[]>();
  let [rows, columns] = [0, 0];
  for (const target of siteProjections(config, site)) {
    const shape = projectionShape(config, target);
    members.set(`${projectionPath(layer, target)}.weight`, [shape.out, shape.in]);
    rows += shape.out;
    columns = shape.in;
  }
  return [siteKey(layer, site), { members, shape: [rows, columns] }];
}

export const hasSiteBias = (config: DecoderConfig, site: Site): boolean =>
  siteProjections(config, site).some((target) => hasBias(config, target));

/** Biases of a site's projections behind each other: all of them have one, or none. */
function biasGroups(config: DecoderConfig, layer: number): [string, WeightGroup][] {
  return SITE_NAMES.filter((site) => hasSiteBias(config, site)).map((site) => {
    const members = new Map(
      siteProjections(config, site).map(
        (target) =>
          [biasOf(`${projectionPath(layer, target)}.weight`), [projectionShape(config, target).out]] as const,
      ),
    );
    const width = [...members.values()].reduce((sum, [out = 0]) => sum + out, 0);
    return [siteBiasKey(layer, site), { members, shape: [width] }];
  });
}

const vectors = (sizes: ReadonlyMap<string, number>): [string, WeightGroup][] =>
  [...sizes].map(([name, size]) => single(name, [size]));

/**
 * All weights, matrices before vectors: an optimizer decays the former only.
 * @param storage of the projections. The embedding, which may be the head as well, and a head of its own have 8 bits where
 * projections have 4: most of their error would be the output's. Positions, vectors, and what has no whole groups, stay f32.
 */
export function baseGroups(config: DecoderConfig, storage: Storage = 'f32'): Map<string, WeightGroup> {
  const { vocabSize, hiddenSize, contextLength, layers, tiedHead } = config;
  const tableStorage: Storage = storage === 'int4' ? 'int8' : storage;
  const numbers = Array.from({ length: layers }, (_, layer) => layer);
  return new Map([
    kept(single(EMBEDDING, [vocabSize, hiddenSize]), tableStorage),
    ...(tiedHead ? [] : [kept(single(HEAD, [vocabSize, hiddenSize]), tableStorage)]),
    ...(traitsOf(config).positions === 'learned' ? [single(POSITIONS, [contextLength, hiddenSize])] : []),
    ...numbers.flatMap((layer) => SITE_NAMES.map((site) => kept(siteGroup(config, layer, site), storage))),
    ...numbers.flatMap((layer) => [...vectors(normSizes(config, layer)), ...biasGroups(config, layer)]),
    ...vectors(normSizes(config, 'final')),
  ]);
}

/** Projections of a site that have a side path. */
export const adapted = (config: DecoderConfig, site: Site, targets: readonly LoraTarget[]): LoraTarget[] =>
  siteProjections(config, site).filter((target) => targets.includes(target));

/** With DoRA: magnitudes of a site's projections behind each other. */
export function magnitudeGroups(
  config: DecoderConfig,
  { targets, useDora = false }: AdapterForm,
): Map<string, WeightGroup> {
  const groups = new Map<string, WeightGroup>();
  for (let layer = 0; useDora && layer < config.layers; layer += 1) {
    for (const site of SITE_NAMES) {
      const members = new Map(
        adapted(config, site, targets).map(
          (target) =>
            [loraMagnitude(projectionPath(layer, target)), [projectionShape(config, target).out]] as const,
        ),
      );
      const width = [...members.values()].reduce((sum, [out = 0]) => sum + out, 0);
      if (width > 0) groups.set(siteMagnitudeKey(layer, site), { members, shape: [width] });
    }
  }
  return groups;
}

/** Arrays of an adapter, matrices before vectors: A of a site's projections below each other, each B on its own. */
export function loraGroups(config: DecoderConfig, form: AdapterForm): Map<string, WeightGroup> {
  const { rank, targets } = form;
  const groups = new Map<string, WeightGroup>();
  for (let layer = 0; layer < config.layers; layer += 1) {
    for (const site of SITE_NAMES) {
      const used = adapted(config, site, targets);
      const width = used[0] === undefined ? 0 : projectionShape(config, used[0]).in;
      if (used.length === 0) continue;
      const members = new Map(
        used.map((target) => [loraA(projectionPath(layer, target)), [rank, width]] as const),
      );
      groups.set(siteLoraKey(layer, site), { members, shape: [rank * used.length, width] });
      for (const target of used) {
        const [name, group] = single(loraB(projectionPath(layer, target)), [
          projectionShape(config, target).out,
          rank,
        ]);
        groups.set(name, group);
      }
    }
  }
  return new Map([...groups, ...magnitudeGroups(config, form)]);
}
