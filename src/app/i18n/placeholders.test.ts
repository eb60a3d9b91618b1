import { describe, expect, it } from 'vitest';
import { en } from './en';
import { es } from './es';

type Texts = Record<string, Record<string, string>>;

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe('texts', () => {
  it('take the same values in English and Spanish', () => {
    const [english, spanish]: Texts[] = [en, es];
    const different = Object.entries(english ?? {}).flatMap(([area, texts]) =>
      Object.entries(texts).flatMap(([key, text]) => {
        const other = spanish?.[area]?.[key] ?? '';
        return placeholders(text).join() === placeholders(other).join() ? [] : [`${area}.${key}`];
      }),
    );
    expect(different).toEqual([]);
  });

  it('are never empty', () => {
    const texts = [en, es].flatMap((dictionary) => Object.values(dictionary as Texts));
    expect(texts.flatMap((area) => Object.values(area)).filter((text) => text.trim() === '')).toEqual([]);
  });
});
