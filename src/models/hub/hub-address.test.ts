import { describe, expect, test } from 'vitest';
import { parseHubAddress, resolveUrl } from './hub-address';

const HUB = 'https://huggingface.co';

describe('hub address', () => {
  test.each([
    ['HuggingFaceTB/SmolLM2-135M', 'HuggingFaceTB/SmolLM2-135M', 'main'],
    [' gpt2 ', 'gpt2', 'main'],
    ['a/b@v1.0', 'a/b', 'v1.0'],
    ['hf://a/b@refs/pr/3', 'a/b', 'refs/pr/3'],
    ['https://huggingface.co/a/b', 'a/b', 'main'],
    ['https://huggingface.co/a/b/tree/dev', 'a/b', 'dev'],
    ['https://huggingface.co/a/b/blob/main/model.gguf?x=1', 'a/b', 'main'],
  ])('hub address: %s', (text, repositoryId, revision) => {
    expect(parseHubAddress(text, HUB)).toEqual({ repositoryId, revision });
  });

  test.each(['', 'a/b/c', '../b', 'a/b@', 'a b/c', 'https://example.com/a/b', 'a/b@../../x', 'https://'])(
    'hub address: "%s" is refused',
    (text) => {
      expect(() => parseHubAddress(text, HUB)).toThrow('names no repository');
    },
  );

  test('hub address: names of files are encoded, folders kept', () => {
    expect(resolveUrl(HUB, 'a/b', 'abc', 'sub folder/x#1.gguf')).toBe(
      'https://huggingface.co/a/b/resolve/abc/sub%20folder/x%231.gguf',
    );
  });
});
