import { describe, expect, test } from 'vitest';
import { joinRemote, RemoteFile } from './remote-file';

const BYTES = Uint8Array.from({ length: 100 }, (_, index) => index);

/** Of a hundred bytes, each its own offset; notes which were asked for. */
function remote(): { file: RemoteFile; asked: [number, number][] } {
  const asked: [number, number][] = [];
  const file = new RemoteFile(BYTES.length, (start, end) => {
    asked.push([start, end]);
    return Promise.resolve(BYTES.slice(start, end).buffer);
  });
  return { file, asked };
}

const bytesOf = async (blob: Blob): Promise<number[]> => [...new Uint8Array(await blob.arrayBuffer())];

describe('remote file', () => {
  test('remote file: it has its size and is a Blob, and nothing is asked for before it is read', () => {
    const { file, asked } = remote();
    expect(file).toBeInstanceOf(Blob);
    expect(file.size).toBe(100);
    expect(file.slice(10, 20).slice(2).size).toBe(8);
    expect(asked).toEqual([]);
  });

  test('remote file: a slice of a slice asks for its own bytes and no others', async () => {
    const { file, asked } = remote();
    expect(await bytesOf(file.slice(10, 20).slice(2, 5))).toEqual([12, 13, 14]);
    expect(asked).toEqual([[12, 15]]);
  });

  test.each([
    [undefined, undefined],
    [40, undefined],
    [90, 1000],
    [200, 300],
    [30, 20],
    [-10, undefined],
    [-10, -4],
    [-1000, 3],
    [5, -90],
  ])('remote file: slice(%s, %s) is what a Blob gives', async (start, end) => {
    const { file } = remote();
    expect(await bytesOf(file.slice(start, end))).toEqual(await bytesOf(new Blob([BYTES]).slice(start, end)));
  });

  test('remote file: nothing is asked for where there is nothing', async () => {
    const { file, asked } = remote();
    expect(await bytesOf(file.slice(7, 7))).toEqual([]);
    expect(await new Response(file.slice(7, 7).stream()).arrayBuffer()).toHaveProperty('byteLength', 0);
    expect(asked).toEqual([]);
  });

  test('remote file: text, bytes and a stream are the same bytes', async () => {
    const text = 'señal: 日本';
    const utf8 = new TextEncoder().encode(`<${text}>`);
    const file = new RemoteFile(utf8.length, (start, end) => Promise.resolve(utf8.slice(start, end).buffer));
    const inner = file.slice(1, utf8.length - 1);
    expect(await inner.text()).toBe(text);
    expect(new TextDecoder().decode(await inner.bytes())).toBe(text);
    expect(await new Response(inner.stream()).text()).toBe(text);
  });

  test('remote file: a stream comes in pieces, asked for one by one, and can be left', async () => {
    const asked: number[] = [];
    const file = new RemoteFile(5 * 2 ** 20, (start, end) => {
      asked.push(start);
      return Promise.resolve(new ArrayBuffer(end - start));
    });
    const reader = file.stream().getReader();
    expect((await reader.read()).value).toHaveLength(2 ** 20);
    await reader.cancel();
    expect(asked).toEqual([0]);
  });

  test('remote file: several joined are read as one, each asked for its own bytes only', async () => {
    const [a, b] = [remote(), remote()];
    const joined = joinRemote([a.file.slice(0, 10), new Blob([]), b.file.slice(50, 60)]);
    expect(joined.size).toBe(20);
    expect(await bytesOf(joined.slice(8, 12))).toEqual([8, 9, 50, 51]);
    expect([a.asked, b.asked]).toEqual([[[8, 10]], [[50, 52]]]);
    expect(await bytesOf(joined.slice(12, 14))).toEqual([52, 53]);
    expect(a.asked).toHaveLength(1);
    expect(await bytesOf(joined)).toHaveLength(20);
  });

  test('remote file: what the server refuses, the reader is told', async () => {
    const file = new RemoteFile(9, () => Promise.reject(new Error('gone')));
    await expect(file.slice(0, 3).arrayBuffer()).rejects.toThrow('gone');
    await expect(file.text()).rejects.toThrow('gone');
    await expect(new Response(file.stream()).arrayBuffer()).rejects.toThrow('gone');
  });
});
