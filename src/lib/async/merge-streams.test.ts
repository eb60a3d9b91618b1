import { describe, expect, it } from 'vitest';
import { mergeStreams } from './merge-streams';

async function* counting(name: string, to: number, ended: string[] = []): AsyncGenerator<string> {
  try {
    for (let i = 1; i <= to; i += 1) {
      await Promise.resolve();
      yield `${name}${i}`;
    }
  } finally {
    ended.push(name);
  }
}

async function all(stream: AsyncIterable<string>): Promise<string[]> {
  const items: string[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('merge streams', () => {
  it('merge streams: every item comes once, each stream in its own order', async () => {
    const items = await all(mergeStreams([counting('a', 3), counting('b', 2)], 2));
    expect(items.filter((item) => item.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(items.filter((item) => item.startsWith('b'))).toEqual(['b1', 'b2']);
    expect(items.indexOf('b1')).toBeLessThan(items.indexOf('a3'));
  });

  it('merge streams: no more run at a time than are allowed', async () => {
    expect(await all(mergeStreams([counting('a', 2), counting('b', 2)], 1))).toEqual([
      'a1',
      'a2',
      'b1',
      'b2',
    ]);
  });

  it('merge streams: ending early ends those that run, and an error reaches the reader', async () => {
    const ended: string[] = [];
    for await (const item of mergeStreams([counting('a', 9, ended), counting('b', 9, ended)], 2)) {
      if (item === 'a2') break;
    }
    expect(ended.sort()).toEqual(['a', 'b']);
    async function* failing(): AsyncGenerator<string> {
      yield await Promise.reject(new Error('cut'));
    }
    await expect(all(mergeStreams([failing(), counting('c', 1, ended)], 2))).rejects.toThrow('cut');
  });
});
