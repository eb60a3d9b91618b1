// Three ways of drawing tokens, from careful to loose. The middle one is what new chats start with.
import { defaultSettings, type Settings } from '../../core/config/settings';
import type { SamplingConfig } from '../../protocol/inference';

export type PresetName = 'precise' | 'balanced' | 'free';
type Shape = Omit<SamplingConfig, 'seed'>;

const { temperature, topP, topK, minP, repetitionPenalty } = defaultSettings.generation;

export const SAMPLING_PRESETS: Record<PresetName, Shape> = {
  precise: { temperature: 0.3, topP: 0.9, topK: 40, minP: 0.05, repetitionPenalty: 1.05 },
  balanced: { temperature, topP, topK, minP, repetitionPenalty },
  free: { temperature: 1.1, topP: 1, topK: 0, minP: 0.02, repetitionPenalty: 1 },
};

/** The part of a conversation that the settings give. */
export function chatDefaults(generation: Settings['generation']): {
  sampling: SamplingConfig;
  maxTokens: number;
} {
  const { maxTokens, ...sampling } = generation;
  return { sampling, maxTokens };
}

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
