// What differs between the encoder that made the vectors of a dataset and another one, part by part.
import type { ConfigDrift } from '../../protocol/drift';
import type { EncoderIdentity } from '../../protocol/encoding';

/** Letters of a hash that are shown. */
const SHOWN = 8;

/** Empty where both make the same vectors, whatever they are called, and where nothing was made. */
export function encoderDrift(made: EncoderIdentity | null, now: EncoderIdentity): ConfigDrift[] {
  if (made === null || made.revision === now.revision) return [];
  const parts = [...new Set([...Object.keys(made.parts), ...Object.keys(now.parts)])];
  const differing = parts.filter((part) => made.parts[part] !== now.parts[part]);
  return [
    { key: 'encoder', built: made.name, now: now.name },
    ...differing.map((key) => ({ key, built: shown(made.parts[key]), now: shown(now.parts[key]) })),
  ];
}

const shown = (hash: string | undefined): string | null => hash?.slice(0, SHOWN) ?? null;
