// Near duplicates among many short texts, and how many of those that comparing all pairs finds were found.
import { joinNearDuplicates } from '../../src/data/quality/near-duplicates';
import { SampleGroups } from '../../src/data/quality/sample-groups';
import { comparable } from '../../src/data/quality/sample-text';
import { jaccard, shinglesOf } from '../../src/data/quality/shingles';
import { Random } from '../../src/lib/random';

const THRESHOLD = 0.85;
const WORDS_OF_TEXT = 24;
const VOCABULARY = Array.from({ length: 5000 }, (_, i) => (i * 7919).toString(36));
/** Texts that are compared with all others, for the recall. */
const PROBES = 100;

export interface DuplicateSearch {
  texts: number;
  milliseconds: number;
  groups: number;
  /** Of the pairs with a probe, 0 to 1. */
  recall: number;
  pairs: number;
}

/** One in ten is the text before it with one to four words changed. */
function madeTexts(count: number): string[] {
  const random = new Random(1);
  const word = (): string => VOCABULARY[random.integer(VOCABULARY.length)] ?? '';
  const texts: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const isCopy = i % 10 === 9;
    const words = isCopy ? (texts[i - 1] ?? '').split(' ') : Array.from({ length: WORDS_OF_TEXT }, word);
    for (let k = isCopy ? random.integer(4) : -1; k >= 0; k -= 1)
      words[random.integer(words.length)] = word();
    texts.push(words.join(' '));
  }
  return texts;
}

/** Every so many texts one is compared with all, copies among them. */
function recallOf(texts: readonly string[], groups: SampleGroups): Pick<DuplicateSearch, 'recall' | 'pairs'> {
  const shingles = texts.map((text) => shinglesOf(comparable(text)));
  const none = new Uint32Array(0);
  const every = Math.max(1, Math.floor(texts.length / PROBES / 10) * 10);
  let [pairs, found] = [0, 0];
  for (let probe = 9; probe < texts.length; probe += every) {
    for (let other = 0; other < texts.length; other += 1) {
      if (other === probe || jaccard(shingles[probe] ?? none, shingles[other] ?? none) < THRESHOLD) continue;
      pairs += 1;
      if (groups.firstOf(probe) === groups.firstOf(other)) found += 1;
    }
  }
  return { pairs, recall: found / Math.max(1, pairs) };
}

async function searchDuplicates(count: number): Promise<DuplicateSearch> {
  const texts = madeTexts(count);
  const groups = new SampleGroups(count);
  const started = performance.now();
  const search = {
    samples: count,
    among: Uint32Array.from(texts.keys()),
    textOf: (i: number) => Promise.resolve(comparable(texts[i] ?? '')),
    threshold: THRESHOLD,
  };
  for await (const _ of joinNearDuplicates(search, groups)) continue;
  const milliseconds = performance.now() - started;
  return { texts: count, milliseconds, groups: groups.list().length, ...recallOf(texts, groups) };
}

/** The functions that the suite calls. */
export const duplicatesBench = { searchDuplicates };
