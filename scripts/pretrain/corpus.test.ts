import { describe, expect, it } from 'vitest';
import { documentsOf, normalise, readShakespeare, removeIllustrations, splitBook, type Book } from './corpus';

const book = (count: number): Book => ({
  name: 'Counting',
  kind: 'prose',
  passages: Array.from({ length: count }, (_, i) => ({ text: `Passage ${i}.`, opens: i % 50 === 0 })),
});

describe('corpus', () => {
  it('normalise: quotes, dashes, ligatures and accents become ASCII', () => {
    expect(normalise('“Él” — æon_s_\r\n½')).toBe('"El" -- aeons\n 1/2');
  });

  it('removeIllustrations: with what brackets they hold; one that never closes is named', () => {
    expect(removeIllustrations('a[Illustration: x [c] y]b')).toBe('ab');
    expect(() => removeIllustrations('a[Illustration: x')).toThrow(/character 1 is never closed/);
  });

  it('readShakespeare: speeches by empty lines', () => {
    const { passages } = readShakespeare('FIRST:\nSpeak.\n\nALL:\nSpeak,  speak.');
    expect(passages.map(({ text }) => text)).toEqual(['FIRST:\nSpeak.', 'ALL:\nSpeak, speak.']);
  });

  it('splitBook: a tenth held out in five places, every passage in exactly one part, always the same', () => {
    const { train, heldOut } = splitBook(book(500));
    expect(heldOut).toHaveLength(5);
    const all = [...train.flat(), ...heldOut.flat()].map(({ text }) => text);
    expect(new Set(all).size).toBe(500);
    expect(all).toHaveLength(500);
    expect(heldOut.flat().length / 500).toBeCloseTo(0.1, 1);
    expect(splitBook(book(500))).toEqual(splitBook(book(500)));
  });

  it('documentsOf: cut where a chapter opens', () => {
    const run = [
      { text: 'One.', opens: true },
      { text: 'Two.', opens: false },
      { text: 'Three.', opens: true },
    ];
    expect(documentsOf([run], 'prose')).toEqual(['One.\nTwo.\n', 'Three.\n']);
    expect(documentsOf([run], 'play')[0]).toBe('One.\n\nTwo.\n');
  });
});
