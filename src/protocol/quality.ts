// What was found in a dataset, and what was done about it. Samples are named by their numbers, which stay when some are
// left out: a step says which ones, and can be taken back.

export interface QualitySettings {
  /** Tokens are this model's. */
  modelId: string;
  /** Least similarity (Jaccard's index of runs of five characters) of near duplicates, above 0 to 1. */
  similarity: number;
  /** The split that leakage is looked for in. */
  evalShare: number;
  seed: number;
  /** Samples with more tokens are over-long. */
  maxTokens: number;
}

/** Samples that say the same, or almost; the first is the one to keep. */
export interface SampleGroup {
  samples: number[];
  /** Least similarity of a pair that was found, 0 to 1. */
  similarity: number;
}

export interface LanguageShare {
  /** ISO 639-3; null where the text is too short to tell. */
  code: string | null;
  /** Of the samples that were looked at, 0 to 1. */
  share: number;
}

export type QualityStage = 'reading' | 'comparing';

/** Why a sample is no use: nothing is said in it, its text was decoded wrong, or the chat template refuses it. */
export type SampleFault = 'empty' | 'damaged' | 'template-refused';

export interface QualityReport {
  checkedAt: number;
  milliseconds: number;
  settings: QualitySettings;
  /** Samples that were looked at: those that no step leaves out. */
  samples: number;
  exact: SampleGroup[];
  near: SampleGroup[];
  /** Held-out samples that a training sample says too, or almost. */
  leakage: { exact: number[]; near: number[] };
  faults: Record<SampleFault, number[]>;
  /** Conversations of more tokens than may be, of which not even the first answer fits. */
  overLong: number[];
  /** Those that fit as far as the answer that ends these turns. */
  shortened: { sample: number; turns: number }[];
  /** Most frequent first. */
  languages: LanguageShare[];
  /** In order of use. */
  nextSteps: DatasetFix[];
}

/**
 * - `drop-exact`, `drop-near`: of each group the first stays.
 * - `keep-together`: samples of a group go to one side of the split, whatever the share and the seed.
 * - `cap-length`: over-long conversations end with the last answer that fits.
 * - `drop-over-long`: over-long ones that cannot be shortened so.
 * - `drop-faulty`: those that the report names.
 */
export type DatasetFix =
  'drop-exact' | 'drop-near' | 'keep-together' | 'drop-faulty' | 'cap-length' | 'drop-over-long';

/** A fix that was applied. */
export interface DatasetStep {
  id: string;
  fix: DatasetFix;
  /** Samples that it leaves out, shortens, or keeps beside another. */
  samples: number;
  appliedAt: number;
}

export interface QualityProgress {
  stage: QualityStage;
  done: number;
  total: number;
}

export type QualityEvent =
  { type: 'progress'; progress: QualityProgress } | { type: 'report'; report: QualityReport };
