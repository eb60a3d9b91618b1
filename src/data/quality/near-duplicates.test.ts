import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { rowsFor } from './min-hash';
import { joinNearDuplicates } from './near-duplicates';
import { SampleGroups } from './sample-groups';
import { comparable } from './sample-text';
import { jaccard, shinglesOf } from './shingles';

describe('shingles', () => {
  it('are the runs of five characters, each once; a shorter text is one', () => {
    expect(shinglesOf('abcdefg')).toHaveLength(3);
    expect(shinglesOf('aaaaaaaaa')).toHaveLength(1);
    expect(shinglesOf('ab')).toHaveLength(1);
    expect(shinglesOf('')).toHaveLength(0);
    expect(shinglesOf('ab')).not.toEqual(shinglesOf('abc'));
  });

  it('jaccard: what two lists share over what they have', () => {
    const list = (...values: number[]) => Uint32Array.from(values);
    expect(jaccard(list(1, 2, 3), list(2, 3, 4))).toBe(0.5);
    expect(jaccard(list(1, 2), list(3))).toBe(0);
    expect(jaccard(list(5), list(5))).toBe(1);
    expect(jaccard(list(), list())).toBe(1);
    expect(jaccard(list(), list(1))).toBe(0);
  });

  it('comparable: letters and digits, in any dress', () => {
    expect(comparable('  ¡Hola,\n MUNDO! ﬁn ')).toBe('hola mundo fin');
  });
});

const WORDS = Array.from({ length: 400 }, (_, i) => `w${(i * 7919).toString(36)}`);

/** Texts of thirty words; every third is like the one before it, but for up to six words. */
function madeTexts(count: number): string[] {
  const random = new Random(5);
  const texts: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const words =
      i % 3 === 2
        ? (texts[i - 1] ?? '').split(' ')
        : Array.from({ length: 30 }, () => WORDS[random.integer(WORDS.length)] ?? '');
    const changes = i % 3 === 2 ? random.integer(7) : 0;
    for (let k = 0; k < changes; k += 1) words[random.integer(words.length)] = `x${i}${k}`;
    texts.push(words.join(' '));
  }
  return texts;
}

async function groupsOf(texts: readonly string[], threshold: number): Promise<SampleGroups> {
  const groups = new SampleGroups(texts.length);
  const search = {
    samples: texts.length,
    among: Uint32Array.from(texts.keys()),
    textOf: (i: number) => Promise.resolve(texts[i] ?? ''),
    threshold,
  };
  let last = 0;
  for await (const done of joinNearDuplicates(search, groups)) {
    expect(done).toBeGreaterThanOrEqual(last);
    last = done;
  }
  expect(last).toBe(1);
  return groups;
}

describe('near duplicates', () => {
  it('bands: eight values where texts have to be close, fewer where they need not', () => {
    expect([0.95, 0.85, 0.8, 0.6, 0.3, 0.02].map(rowsFor)).toEqual([8, 8, 7, 4, 2, 1]);
  });

  it('finds what comparing all pairs finds, and nothing else', async () => {
    const texts = madeTexts(300);
    const shingles = texts.map(shinglesOf);
    const groups = await groupsOf(texts, 0.6);
    let [pairs, found] = [0, 0];
    const strangers: string[] = [];
    for (let a = 0; a < texts.length; a += 1) {
      for (let b = a + 1; b < texts.length; b += 1) {
        const isSimilar = jaccard(shingles[a] as Uint32Array, shingles[b] as Uint32Array) >= 0.6;
        const isJoined = groups.firstOf(a) === groups.firstOf(b);
        if (isJoined && !isSimilar) strangers.push(`${a} and ${b}`);
        pairs += isSimilar ? 1 : 0;
        found += isSimilar && isJoined ? 1 : 0;
      }
    }
    expect(strangers).toEqual([]);
    expect(pairs).toBeGreaterThan(40);
    expect(found / pairs).toBeGreaterThanOrEqual(0.95);
  });

  it('groups name the least similarity that was measured; empty texts are like none', async () => {
    const text = 'the quick brown fox jumps over the lazy dog near the river bank today';
    const groups = await groupsOf(
      ['', text, `${text} again`, '', 'something else entirely, and long enough'],
      0.8,
    );
    const [group, ...others] = groups.list();
    expect(others).toEqual([]);
    expect(group?.samples).toEqual([1, 2]);
    expect(group?.similarity).toBeCloseTo(jaccard(shinglesOf(text), shinglesOf(`${text} again`)), 12);
  });

  it('many that are alike are one group', async () => {
    const texts = Array.from(
      { length: 500 },
      (_, i) => `the same long sentence about nothing in particular ${i % 2}`,
    );
    expect((await groupsOf(texts, 0.7)).list()).toMatchObject([{ samples: [...texts.keys()] }]);
  });
});
