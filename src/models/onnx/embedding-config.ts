// How a sentence-embedding model makes one vector of a text, by the files that Sentence Transformers writes beside it: which
// tokens count (1_Pooling/config.json), whether the vector gets the length 1 (modules.json), and how long a text may be.
import { AppError } from '../../lib/errors';

export type Pooling = 'mean' | 'cls' | 'max' | 'last';

export interface EmbeddingConfig {
  pooling: Pooling;
  normalise: boolean;
  /** Special tokens among them; null where no file says it. */
  maxTokens: number | null;
}

/** Parsed files; null for one that is not there. */
export interface EmbeddingFiles {
  pooling: unknown;
  modules: unknown;
  sentence: unknown;
  tokenizer: unknown;
}

const MODES: Record<string, Pooling> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_lasttoken: 'last',
};
const NAMES: Record<string, Pooling> = { mean: 'mean', cls: 'cls', max: 'max', lasttoken: 'last' };
/** Tokenizers without a limit say so with a number of this size. */
const NO_LIMIT = 1_000_000;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws AppError `model.unsupported` for a pooling that is not known, and for layers that the graph does not have. */
export function readEmbeddingConfig({
  pooling,
  modules,
  sentence,
  tokenizer,
}: EmbeddingFiles): EmbeddingConfig {
  const types = (Array.isArray(modules) ? modules : [])
    .filter(isObject)
    .map(({ type }) => String(type).split('.').at(-1) ?? '');
  const other = types.find((type) => !['Transformer', 'Pooling', 'Normalize', ''].includes(type));
  if (other !== undefined) {
    throw unsupported(
      `modules.json has a layer ${other} behind the graph`,
      'Choose a model without further layers.',
    );
  }
  return {
    pooling: poolingOf(pooling),
    normalise: types.includes('Normalize'),
    maxTokens: length(sentence, 'max_seq_length') ?? length(tokenizer, 'model_max_length'),
  };
}

function poolingOf(json: unknown): Pooling {
  if (!isObject(json)) return 'mean';
  const named = json['pooling_mode'];
  const modes = Object.keys(json).filter((key) => key.startsWith('pooling_mode_') && json[key] === true);
  const [mode, second] = typeof named === 'string' ? [named] : modes;
  if (mode === undefined) return 'mean';
  const pooling = NAMES[mode] ?? MODES[mode];
  if (pooling !== undefined && second === undefined) return pooling;
  throw unsupported(
    `1_Pooling/config.json asks for ${[mode, second].filter((name) => name !== undefined).join(' with ')}`,
    'Choose a model that pools by the mean, the first, the last or the largest.',
  );
}

function length(json: unknown, key: string): number | null {
  const value = isObject(json) ? json[key] : null;
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value < NO_LIMIT
    ? value
    : null;
}

function unsupported(fact: string, remedy: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The embeddings cannot be computed: ${fact}.`, { remedy });
}
