// Three ways of drawing tokens, from careful to loose, and the defaults of a new chat.
import type { SamplingConfig } from '../../protocol/inference';

export type PresetName = 'precise' | 'balanced' | 'free';
type Shape = Omit<SamplingConfig, 'seed'>;

export const SAMPLING_PRESETS: Record<PresetName, Shape> = {
  precise: { temperature: 0.3, topP: 0.9, topK: 40, minP: 0.05, repetitionPenalty: 1.05 },
  balanced: { temperature: 0.7, topP: 0.95, topK: 50, minP: 0.05, repetitionPenalty: 1.05 },
  free: { temperature: 1.1, topP: 1, topK: 0, minP: 0.02, repetitionPenalty: 1 },
};

export const DEFAULT_SAMPLING: SamplingConfig = { ...SAMPLING_PRESETS.balanced, seed: null };
export const DEFAULT_MAX_TOKENS = 200;

/** The preset these values are, null when they are the user's own. */
export function presetOf(sampling: SamplingConfig): PresetName | null {
  const names: PresetName[] = ['precise', 'balanced', 'free'];
  return names.find((name) => sameShape(SAMPLING_PRESETS[name], sampling)) ?? null;
}

function sameShape(preset: Shape, sampling: SamplingConfig): boolean {
  return (Object.keys(preset) as (keyof Shape)[]).every((key) => preset[key] === sampling[key]);
}

/** A seed to write down: a 32-bit unsigned integer. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
