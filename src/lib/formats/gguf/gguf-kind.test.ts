import { describe, expect, it } from 'vitest';
import { ggufKindOf } from './gguf-kind';
import { rawGguf, rawKey, text, typeNumber, u64 } from './testing/raw-gguf';

const kindOf = (...keys: [name: string, value: string][]) =>
  ggufKindOf(rawGguf({ keys: keys.map(([name, value]) => rawKey(name, 'string', text(value))) }));

describe('gguf kind', () => {
  it('gguf kind: general.type tells, and so do the keys that only adapters have', async () => {
    expect(await kindOf(['general.architecture', 'llama'], ['general.type', 'adapter'])).toBe('adapter');
    expect(await kindOf(['general.architecture', 'llama'], ['adapter.type', 'lora'])).toBe('adapter');
    expect(await kindOf(['general.architecture', 'llama'], ['general.type', 'model'])).toBe('model');
    expect(await kindOf(['general.architecture', 'llama'])).toBe('model');
  });

  it('gguf kind: nothing is read beyond the vocabulary’s first key, and what is no GGUF is no adapter', async () => {
    const vocabulary = rawKey('tokenizer.ggml.tokens', 'array', typeNumber('string'), u64(1n << 50n));
    const late = rawKey('general.type', 'string', text('adapter'));
    expect(await ggufKindOf(rawGguf({ keys: [vocabulary, late] }))).toBe('model');
    expect(await ggufKindOf(new Blob(['<!doctype html><title>Not found</title>']))).toBe('model');
    expect(await ggufKindOf(new Blob([]))).toBe('model');
    expect(await ggufKindOf(rawGguf({ keyCount: 1n << 40n }))).toBe('model');
  });
});
