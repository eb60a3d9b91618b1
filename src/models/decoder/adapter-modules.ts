// The matrices of a family's files that adapters are made for, and the projections of the decoder that each has: one, or
// several whose rows lie below each other. Derived from where weights stand, so a family says nothing of its own. Pure.
import type { LoraTarget } from '../../protocol/models';
import type { DecoderConfig } from './decoder-config';
import { targetOf } from './decoder-names';
import type { PlacedArray, WeightPlaces } from './weight-places';

/** A projection within a module. */
export interface AdapterPart {
  target: LoraTarget;
  /** Module path of the decoder: `model.layers.3.self_attn.q_proj`. */
  path: string;
  /** Its rows of the module's output. */
  rows: number;
}

export interface AdapterModule {
  /** In the file: `transformer.h.3.attn.c_attn`. */
  path: string;
  /** What follows the layer's number: `attn.c_attn`, the same for all layers. */
  kind: string;
  /** Elements of its input. */
  in: number;
  /** [in, out] in the file. An adapter's matrices are A [rank, in], B [out, rank] all the same (PEFT, lora/layer.py,
   * update_layer: both are made as Linear, of whatever the module takes and gives). */
  transposed: boolean;
  /** In the order of their rows. */
  parts: AdapterPart[];
}

/** @returns in the order of the decoder's weights. */
export function adapterModules(config: DecoderConfig, places: WeightPlaces): AdapterModule[] {
  return places.arrays().flatMap((array) => moduleOf(config, array) ?? []);
}

function moduleOf(config: DecoderConfig, { name, transposed, weights }: PlacedArray): AdapterModule | null {
  const parts: AdapterPart[] = [];
  for (const weight of weights) {
    const path = weight.name.replace(/\.weight$/, '');
    const target = path === weight.name ? null : targetOf(config, path);
    if (target === null) return null;
    parts.push({ target, path, rows: weight.shape[0] ?? 0 });
  }
  const path = name.replace(/\.weight$/, '');
  return {
    path,
    kind: /\.\d+\.(.+)$/.exec(path)?.[1] ?? path,
    in: weights[0]?.shape[1] ?? 0,
    transposed,
    parts,
  };
}

/** Modules of the same place in each layer. */
export function modulesByKind(modules: readonly AdapterModule[]): Map<string, AdapterModule[]> {
  const kinds = new Map<string, AdapterModule[]>();
  for (const module of modules) kinds.set(module.kind, [...(kinds.get(module.kind) ?? []), module]);
  return kinds;
}

/** Rows of its output. */
export const outputOf = ({ parts }: AdapterModule): number => parts.reduce((sum, { rows }) => sum + rows, 0);

/** True where the file has the decoder's own projections, under their own names. */
export const isPlain = ({ path, parts }: AdapterModule): boolean =>
  parts.length === 1 && parts[0]?.path === path;

/** Every projection as a module of its own: adapters as they are stored here. */
export const apart = (modules: readonly AdapterModule[]): AdapterModule[] =>
  modules.flatMap((module) =>
    module.parts.map((part) => ({
      path: part.path,
      kind: /\.\d+\.(.+)$/.exec(part.path)?.[1] ?? part.path,
      in: module.in,
      transposed: false,
      parts: [part],
    })),
  );
