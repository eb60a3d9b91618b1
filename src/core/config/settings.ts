// The functional settings: types and defaults. Secrets are not here, they live in core/vault. No schema library
// either: the page imports this first, parse-settings.ts comes when something has to be checked.
import type { SamplingConfig } from '../../protocol/inference';
import { trainingDefaults, type TrainingDefaults } from './training-config';

export const SETTINGS_VERSION = 1;

export const THEMES = ['system', 'light', 'dark'] as const;
export const LANGUAGES = ['system', 'en', 'es'] as const;
export const BACKEND_CHOICES = ['auto', 'webgpu', 'wasm', 'cpu'] as const;

/** Of `engine.memoryGigabytes`. */
export const MEMORY_GIGABYTES = { min: 0.1, max: 1024 } as const;

export const HUGGING_FACE = 'https://huggingface.co';
/** Encrypted, or on this machine. */
export const HUB_ADDRESS = /^(?:https:\/\/[^\s/]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?)$/;

/** Letters, digits and `_`. */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface ConfigVariable {
  name: string;
  value: string;
}

export interface Settings {
  version: typeof SETTINGS_VERSION;
  appearance: { theme: (typeof THEMES)[number]; language: (typeof LANGUAGES)[number] };
  engine: {
    /** `auto` measures at start and takes the fastest. */
    backend: (typeof BACKEND_CHOICES)[number];
    /** What models may take of the device, as the user says; null is unknown: browsers do not tell it of graphics cards. */
    memoryGigabytes: number | null;
  };
  /** Where models are looked up and fetched: an address without a slash at its end, of the hub or of a mirror. */
  hub: { endpoint: string };
  /** `{env:NAME}` in the configuration of a data backend. No place for secrets: settings are exported. */
  data: { variables: readonly ConfigVariable[] };
  generation: SamplingConfig & { maxTokens: number };
  training: TrainingDefaults;
}

/** Part of the settings: what is absent stays as it is. Lists are replaced whole. */
export type SettingsPatch = DeepPartial<Omit<Settings, 'version'>>;
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/** The usual sampling, with a length that fits a small context. */
export const defaultSettings: Settings = {
  version: SETTINGS_VERSION,
  appearance: { theme: 'system', language: 'system' },
  engine: { backend: 'auto', memoryGigabytes: null },
  hub: { endpoint: HUGGING_FACE },
  data: { variables: [] },
  generation: {
    temperature: 0.8,
    topK: 50,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1.1,
    seed: null,
    maxTokens: 128,
  },
  training: trainingDefaults,
};
