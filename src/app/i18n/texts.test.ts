import { readFileSync, readdirSync } from 'node:fs';
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

  it('are all shown somewhere: by their whole name, or by its beginning where the end is chosen', () => {
    const code = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|svelte)$/.test(path) && !/i18n\/(en|es)\//.test(path))
      .map((path) => readFileSync(`src/${path}`, 'utf8'))
      .join('\n');
    const names = new Set(code.match(/(?<=['"`])\w+\.[\w.-]+(?=['"`])/g));
    const beginnings = [...code.matchAll(/`(\w+\.[\w.-]*)\$\{/g)].map(([, beginning]) => beginning ?? '');
    const isShown = (name: string) =>
      names.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
    const all = Object.entries(en as Texts).flatMap(([area, texts]) =>
      Object.keys(texts).map((key) => `${area}.${key.replace(/_(one|other)$/, '')}`),
    );
    expect(all.filter((name) => !isShown(name))).toEqual([]);
  });
});
