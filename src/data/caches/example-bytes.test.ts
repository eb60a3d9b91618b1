import { describe, expect, it } from 'vitest';
import { type Encoded, examplesFromBytes, examplesToBytes } from './example-bytes';

const EXAMPLES: Encoded[] = [
  { kind: 'text', ids: Int32Array.of(1, 2, 65_535), trained: Uint8Array.of(0, 1, 1) },
  'no-answer',
  {
    kind: 'turns',
    ids: Int32Array.from({ length: 21 }, (_, i) => i),
    trained: Uint8Array.from({ length: 21 }, (_, i) => (i > 9 ? 1 : 0)),
  },
  'template-refused',
];

describe('example-bytes', () => {
  it('gives back what was written, dropped samples among them', () => {
    expect(examplesFromBytes(examplesToBytes(EXAMPLES), 4)).toEqual(EXAMPLES);
    expect(examplesFromBytes(examplesToBytes([]), 0)).toEqual([]);
  });

  it('keeps ids beyond two bytes', () => {
    const large: Encoded[] = [{ kind: 'text', ids: Int32Array.of(70_000, 3), trained: Uint8Array.of(0, 1) }];
    expect(examplesFromBytes(examplesToBytes(large), 1)).toEqual(large);
  });

  it('takes two bytes and a bit for a token', () => {
    const ids = new Int32Array(8000);
    const bytes = examplesToBytes([{ kind: 'text', ids, trained: new Uint8Array(8000) }]);
    expect(bytes.length).toBeLessThan(8000 * 2 + 1000 + 64);
  });

  it('refuses bytes that are cut, changed, of another number of samples, or nothing of the kind', () => {
    const bytes = examplesToBytes(EXAMPLES);
    const changed = bytes.slice();
    changed[bytes.length - 5] = (changed[bytes.length - 5] ?? 0) ^ 1;
    expect(examplesFromBytes(changed, 4)).toBeNull();
    expect(examplesFromBytes(bytes.slice(0, -4), 4)).toBeNull();
    expect(examplesFromBytes(bytes.slice(0, -3), 4)).toBeNull();
    expect(examplesFromBytes(bytes, 3)).toBeNull();
    expect(examplesFromBytes(new Uint8Array(0), 4)).toBeNull();
    expect(examplesFromBytes(new Uint8Array(64), 4)).toBeNull();
  });
});
