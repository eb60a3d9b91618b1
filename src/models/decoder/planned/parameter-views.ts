// Weights of a decoder as the recording reads them: all of them trained, or a frozen base with LoRA side paths.
import {
  type Dropout,
  type LoraPath,
  type Magnitudes,
  type Parameter,
  type Value,
  type WeightLayout,
} from '../../../engine/planned';
import type { LoraConfig, LoraTarget } from '../../../protocol/models';
import { projectionPath, projectionShape } from '../decoder-names';
import type { DecoderConfig } from '../decoder-config';
import { loraB, loraScale } from '../lora-weights';
import type { NormValues } from './dora-norms';
import type { DecoderParameters } from './record-decoder';
import {
  adapted,
  hasSiteBias,
  SITE_NAMES,
  siteBiasKey,
  siteKey,
  siteLoraKey,
  siteMagnitudeKey,
  siteProjections,
  type Site,
} from './weight-groups';

/** Views over groups that `parameter` finds by key. */
export function plainView(config: DecoderConfig, parameter: (key: string) => Parameter): DecoderParameters {
  return {
    parameter,
    linear: (layer, site) => ({
      weight: parameter(siteKey(layer, site)),
      lora: null,
      bias: hasSiteBias(config, site) ? parameter(siteBiasKey(layer, site)) : null,
    }),
  };
}

export function frozenView(config: DecoderConfig, layout: WeightLayout): DecoderParameters {
  return plainView(config, (key) => layout.frozen(key));
}

/** Mask numbers are different for every side path of a pass. */
const siteNumber = (layer: number, site: Site): number =>
  layer * SITE_NAMES.length + SITE_NAMES.indexOf(site);

/**
 * The base with side paths.
 * @param parameter the adapter's groups; @param norms lengths of adapted rows, for an adapter with magnitudes.
 * @param seed decides dropout masks; null drops nothing.
 */
export function loraView(
  config: DecoderConfig,
  base: DecoderParameters,
  lora: LoraConfig,
  parameter: (key: string) => Parameter,
  norms: NormValues,
  seed: Value | null,
): DecoderParameters {
  const magnitudesOf = (key: string): Magnitudes | null => {
    const value = norms.get(key);
    return value === undefined ? null : { magnitude: parameter(key), norms: value };
  };
  const pathOf = (layer: number, site: Site): LoraPath | null => {
    const targets = adapted(config, site, lora.targets);
    if (targets.length === 0) return null;
    const dropout: Dropout | null =
      seed === null || lora.dropout <= 0
        ? null
        : { probability: lora.dropout, seed, site: siteNumber(layer, site) };
    return {
      rank: lora.rank,
      scale: loraScale(lora),
      a: parameter(siteLoraKey(layer, site)),
      segments: targets.map((target) => ({
        ...columnsOf(config, site, target),
        b: parameter(loraB(projectionPath(layer, target))),
      })),
      dropout,
      dora: magnitudesOf(siteMagnitudeKey(layer, site)),
    };
  };
  return {
    parameter: (name) => base.parameter(name),
    linear: (layer, site) => ({ ...base.linear(layer, site), lora: pathOf(layer, site) }),
  };
}

/** Where a projection's outputs stand among those of its site. */
function columnsOf(config: DecoderConfig, site: Site, target: LoraTarget): { start: number; width: number } {
  let start = 0;
  for (const other of siteProjections(config, site)) {
    const width = projectionShape(config, other).out;
    if (other === target) return { start, width };
    start += width;
  }
  throw new Error(`${target} is not of ${site}.`);
}
