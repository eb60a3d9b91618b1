import { describe, expect, it } from 'vitest';
import { tokenClass, visibleText } from './token-look';

describe('token look', () => {
  it('tokenClass: special tokens are told by their spelling', () => {
    expect(tokenClass({ tokenId: 0, text: '<|im_start|>', trained: false })).toBe('s');
    expect(tokenClass({ tokenId: 0, text: '</s>', trained: false })).toBe('s');
    expect(tokenClass({ tokenId: 0, text: 'a < b', trained: false })).toBe('m');
  });

  it('tokenClass: what counts in the loss says so first', () => {
    expect(tokenClass({ tokenId: 0, text: '<|im_end|>', trained: true })).toBe('t');
  });

  it('visibleText: line ends are shown', () => {
    expect(visibleText('a\n')).toBe('a↵');
  });
});
