import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatCompact, formatExponent, formatFixed, formatPlain, useLanguage } from './index.svelte';

beforeEach(() => void vi.stubGlobal('document', { documentElement: { lang: '' } }));
afterEach(() => void vi.unstubAllGlobals());

describe('numbers', () => {
  it('Spanish: a comma everywhere', async () => {
    await useLanguage('es');
    expect(formatFixed(2.5, 3)).toBe('2,500');
    expect(formatExponent(0.000082)).toBe('8,2e-5');
    expect(formatPlain(0.05)).toBe('0,05');
    expect(formatCompact(1_234_567)).toBe('1,23M');
  });

  it('English: a point, and units that carry over', async () => {
    await useLanguage('en');
    expect(formatExponent(0.0002)).toBe('2e-4');
    expect(formatExponent(0.00123, 1)).toBe('1.2e-3');
    expect(formatPlain(1234.5)).toBe('1234.5');
    expect(formatCompact(999)).toBe('999');
    expect(formatCompact(999_600)).toBe('1M');
  });
});
