import { describe, expect, it } from 'vitest';
import { readablePrompt } from './readable-prompt';

describe('readablePrompt', () => {
  it.each([
    ['role marks', '<|system|>\nBe brief.<|end|>\n<|user|>\nHow hot?<|end|>\n<|assistant|>\n'],
    ['ChatML', '<|im_start|>user\nHow hot?<|im_end|>\n<|im_start|>assistant\n'],
    [
      'header marks',
      '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow hot?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    ],
  ])('%s: the turn of the user alone', (_, prompt) => {
    expect(readablePrompt(prompt)).toBe('How hot?');
  });

  it('several turns: the last one of the user', () => {
    expect(readablePrompt('<|user|>One<|end|><|assistant|>Two<|end|><|user|>Three<|end|>')).toBe('Three');
  });

  it('no turn of the user: the text without its marks', () => {
    expect(readablePrompt('<|bos|>Once upon a time')).toBe('Once upon a time');
  });

  it('no marks: unchanged, spaces and comparisons too', () => {
    expect(readablePrompt('  if a <b| then\n')).toBe('  if a <b| then\n');
  });
});
