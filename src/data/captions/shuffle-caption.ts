// Variants of a caption made of tags, in other orders. Pure: variant i is a function of seed, caption and i.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';

const SEPARATORS = {
  comma: { split: /,/, join: ', ' },
  space: { split: /\s+/, join: ' ' },
  period: { split: /\./, join: '. ' },
} as const;
type SplitOn = keyof typeof SEPARATORS;

export interface CaptionShuffle {
  enable: boolean;
  /** Variants of each caption. */
  count: number;
  seed: number;
  splitOn: SplitOn;
  /** Tags in front that stay where they are. */
  positionStart: number;
  includeOriginal: boolean;
}

export interface ShuffledCaption {
  captions: string[];
  /** Why there are fewer than were asked for; null where nothing is amiss. */
  warning: string | null;
}

/**
 * @param value `caption_shuffle` of a configuration; undefined or null is off.
 * @throws AppError `config.invalid` naming the key and its value.
 */
export function parseCaptionShuffle(value: unknown, globalSeed: number): CaptionShuffle {
  if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) {
    throw invalid('', value, 'an object: {"enable": true, "count": 3}');
  }
  const given = new Map<string, unknown>(Object.entries(value ?? {}));
  return {
    enable: flag(given, 'enable', false),
    count: wholeNumber(given, 'count', 1, 1),
    seed: wholeNumber(given, 'seed', globalSeed, Number.MIN_SAFE_INTEGER),
    splitOn: splitOnOf(given.get('split_on') ?? 'comma'),
    positionStart: wholeNumber(given, 'position_start', 0, 0),
    includeOriginal: flag(given, 'include_original', true),
  };
}

/** A caption with fewer than two tags that may move stays alone. */
export function shuffleCaption(caption: string, shuffle: CaptionShuffle): ShuffledCaption {
  if (!shuffle.enable) return { captions: [caption], warning: null };
  const { split, join } = SEPARATORS[shuffle.splitOn];
  const tags = caption
    .split(split)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length < shuffle.positionStart + 2) return alone(caption, tags.length, shuffle);
  const end = shuffle.splitOn === 'period' && caption.trimEnd().endsWith('.') ? '.' : '';
  const fixed = tags.slice(0, shuffle.positionStart);
  const moving = tags.slice(shuffle.positionStart);
  const variants = Array.from({ length: shuffle.count }, (_, i) => {
    const random = new Random(hashSeed(shuffle.seed, 'caption-shuffle', caption, i));
    return [...fixed, ...random.shuffle(moving)].join(join) + end;
  });
  return { captions: shuffle.includeOriginal ? [caption, ...variants] : variants, warning: null };
}

function alone(
  caption: string,
  tags: number,
  { positionStart, includeOriginal }: CaptionShuffle,
): ShuffledCaption {
  const warning = includeOriginal
    ? null
    : `"${caption}" has too few tags (${tags}) to shuffle from position ${positionStart}: it is kept as it is.`;
  return { captions: [caption], warning };
}

function splitOnOf(value: unknown): SplitOn {
  if (value === 'comma' || value === 'space' || value === 'period') return value;
  throw invalid('.split_on', value, 'comma, space or period');
}

function flag(given: Map<string, unknown>, key: string, byDefault: boolean): boolean {
  const value = given.get(key) ?? byDefault;
  if (typeof value === 'boolean') return value;
  throw invalid(`.${key}`, value, 'true or false');
}

function wholeNumber(given: Map<string, unknown>, key: string, byDefault: number, least: number): number {
  const value = given.get(key) ?? byDefault;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(`.${key}`, value, least < 0 ? 'a whole number' : `a whole number from ${least}`);
}

function invalid(path: string, value: unknown, wanted: string): AppError {
  return new AppError('config.invalid', `caption_shuffle${path} is ${JSON.stringify(value)}.`, {
    remedy: `Use ${wanted}.`,
    details: { path: `caption_shuffle${path}`, value },
  });
}
