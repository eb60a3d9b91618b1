import { describe, expect, test } from 'vitest';
import { redact } from './redact';

describe('redact', () => {
  test('redact: hides known secrets, the longer one first', () => {
    expect(redact('a hunter22-long b hunter22', ['hunter22', 'hunter22-long'])).toBe(
      'a [redacted] b [redacted]',
    );
    expect(redact('a cat', ['a'])).toBe('a cat');
  });

  test('redact: hides what looks like a token', () => {
    expect(redact('Authorization: Bearer abc.def-123')).toBe('Authorization: Bearer [redacted]');
    expect(redact('key hf_abcdefghij failed')).toBe('key [redacted] failed');
    expect(redact('https://x.y/?token=12&z=1')).toBe('https://x.y/?token=[redacted]&z=1');
    expect(redact('nothing here')).toBe('nothing here');
  });
});
