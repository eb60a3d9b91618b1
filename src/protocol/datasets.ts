// Datasets as the page sees them. The data worker owns the samples.
import type { EncodedWith } from './encoding';
import type { DatasetShare } from './mix';
import type { PictureSummary } from './pictures';
import type { DatasetStep } from './quality';

export type DatasetFormat = 'text' | 'completion' | 'alpaca' | 'sharegpt' | 'messages';
export type DatasetFileType =
  'txt' | 'md' | 'jsonl' | 'json' | 'csv' | 'parquet' | 'html' | 'docx' | 'pdf' | 'tar' | 'image';

export interface SampleTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** One training example: a conversation, or plain text that is learnt whole. */
export type Sample = { kind: 'text'; text: string } | { kind: 'turns'; turns: SampleTurn[] };

/** A sample as it is shown: with whether a step leaves it out. */
export interface ShownSample {
  sample: Sample;
  leftOut: boolean;
}

/** Which column plays which part; a part that the format does not have is left out. */
export type FieldMapping = Partial<
  Record<
    | 'text'
    | 'prompt'
    | 'completion'
    | 'instruction'
    | 'input'
    | 'output'
    | 'system'
    | 'conversations'
    | 'messages',
    string
  >
>;

/** Which part is kept of a conversation that is longer than a sequence. */
export type KeptPart = 'beginning' | 'end' | 'random';

export interface DatasetTraining {
  /** How it is drawn from in a mix, unless the run says otherwise. */
  share: DatasetShare;
  keptPart: KeptPart;
  /** All of its rows are held out: it is evaluated and never drawn from. */
  evaluated: boolean;
  /** It is embedded to be searched, and never trained on. Absent is false. */
  searched?: boolean;
  /** Name or id of the model that makes its vectors, as it is configured. */
  encoder?: string;
  /** Samples are tokenised when they are drawn, not before: what a plan says of them is estimated. */
  onDemand: boolean;
  cache: DatasetCache;
}

/** How what is made of samples is kept: tokens, vectors. */
export interface DatasetCache {
  /** What is there is used, nothing is added. */
  readOnly: boolean;
  /** By gzip. */
  compress: boolean;
  /** Values that are written at once; absent is 128. */
  writeBatchSize?: number;
  /** Inputs that an encoder is given at once; absent is as many as it takes well. */
  encodedAtOnce?: number;
}

export interface DatasetRecord {
  id: string;
  name: string;
  fileNames: string[];
  fileType: DatasetFileType;
  format: DatasetFormat;
  /** False once the user corrected the format or the mapping. */
  detected: boolean;
  /** Why this format, one sentence for people. */
  reason: string;
  mapping: FieldMapping;
  /** Columns found, for correcting the mapping. */
  columns: string[];
  samples: number;
  sizeBytes: number;
  /** Lines left out, by reason. */
  skipped: Record<string, number>;
  origin: 'sample' | 'imported';
  /** Which of the shipped samples it is; null for the user's own. */
  sampleId: string | null;
  /** The data backend it was built of; absent where files were added by hand. */
  backendId?: string;
  /** What was done about its samples, in order. */
  steps?: DatasetStep[];
  /** What the configuration of its backend says about training on it. */
  training?: DatasetTraining;
  /** What made the vectors of its samples; absent where nothing did. */
  encoded?: EncodedWith;
  /** It holds pictures: no language model learns of it. Absent where it holds texts. */
  pictures?: PictureSummary;
  /** Blob folder with the samples. */
  folder: string;
  createdAt: number;
}

/** A line that cannot be used, told to the user before anything is stored. */
export interface DatasetProblem {
  code: string;
  file: string;
  /** From 1; null when it concerns the whole file. */
  line: number | null;
  excerpt: string;
  message: string;
}

export interface ImportOptions {
  name: string;
  /** What to do with lines that cannot be used. `stop` stores nothing and reports the first ones. */
  onBadLine: 'stop' | 'skip';
  /** null detects. */
  format: DatasetFormat | null;
  mapping: FieldMapping | null;
}

export type ImportOutcome =
  | { status: 'stored'; dataset: DatasetRecord; problems: DatasetProblem[] }
  | { status: 'refused'; problems: DatasetProblem[]; badLines: number };

export interface ImportProgress {
  stage: 'reading' | 'parsing' | 'storing';
  bytesDone: number;
  bytesTotal: number;
  samples: number;
}

/** A piece of a rendered example. `trained` pieces count in the loss. */
export interface TokenSpan {
  tokenId: number;
  text: string;
  trained: boolean;
}

export interface RenderedSample {
  index: number;
  tokens: TokenSpan[];
  truncated: boolean;
}

export interface LengthHistogram {
  /** Upper bound of each bin in tokens, ascending; the last one is the longest sample. */
  bounds: number[];
  counts: number[];
  meanTokens: number;
  maxTokens: number;
  totalTokens: number;
  /** The dataset is too large to be counted: lengths are told by their bytes. */
  estimated?: boolean;
}
