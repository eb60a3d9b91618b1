// Writes an adapter's two files in PEFT's layout, from matrices that are in memory.
import { writeSafetensors, type FloatArray } from '../../lib/formats/safetensors';
import type { LoraConfig, ModelRecord, NamedFile } from '../../protocol/models';
import { adapterConfigText, type WrittenModules } from './adapter-config';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from './adapter-faults';
import { PREFIX } from './adapter-names';

/**
 * As adapters are stored: every projection of the decoder by itself.
 * @param weights LoRA matrices by name, without the prefix.
 * @param modules of the family's files, where the names are theirs.
 */
export function encodeAdapter(
  weights: ReadonlyMap<string, FloatArray>,
  lora: LoraConfig,
  base: ModelRecord,
  modules?: WrittenModules,
): NamedFile[] {
  const prefixed = new Map([...weights].map(([name, array]) => [`${PREFIX}${name}`, array]));
  const metadata = { base_fingerprint: base.fingerprint };
  const config = new Blob([adapterConfigText(lora, base, modules)], { type: 'application/json' });
  return [
    { name: ADAPTER_WEIGHTS, blob: writeSafetensors(prefixed, metadata) },
    { name: ADAPTER_CONFIG, blob: config },
  ];
}
