import { describe, expect, it } from 'vitest';
import { type ByteSource, readText } from './text-reader';

async function read(bytes: Uint8Array<ArrayBuffer>, sliceBytes = 3): Promise<string> {
  let text = '';
  for await (const piece of readText(new Blob([bytes]), 'notes.txt', { sliceBytes })) text += piece;
  return text;
}

function utf16(text: string, littleEndian: boolean, mark: boolean): Uint8Array<ArrayBuffer> {
  const units = [...(mark ? '\ufeff' : ''), ...text].join('');
  const view = new DataView(new ArrayBuffer(units.length * 2));
  for (let i = 0; i < units.length; i++) view.setUint16(i * 2, units.charCodeAt(i), littleEndian);
  return new Uint8Array(view.buffer);
}

describe('text-reader', () => {
  it('joins characters that lie across slices and drops the byte order mark', async () => {
    expect(await read(new TextEncoder().encode('\ufeffaño 👩‍🚀'))).toBe('año 👩‍🚀');
  });

  it('decodes UTF-16 of both byte orders, marked or recognised by its zeros', async () => {
    for (const little of [true, false]) {
      for (const mark of [true, false])
        expect(await read(utf16('Hello, año', little, mark), 5)).toBe('Hello, año');
    }
  });

  it('refuses binary files, saying what they look like', async () => {
    await expect(read(new TextEncoder().encode('%PDF-1.7 x'), 100)).rejects.toMatchObject({
      code: 'dataset.binary',
      message: expect.stringContaining('a PDF document') as string,
    });
    const late = new TextEncoder().encode(`text ${'x'.repeat(20)}\0more`);
    await expect(read(late, 8)).rejects.toThrow(/zero byte at 25/);
  });

  it('names the line of bytes that are no UTF-8', async () => {
    const latin1 = Uint8Array.from([...new TextEncoder().encode('one\ntwo\ncaf'), 0xe9, 0x20, 0x78]);
    await expect(read(latin1, 4)).rejects.toMatchObject({ code: 'dataset.encoding', details: { line: 3 } });
  });

  it('holds one slice of a file of 1 GB at a time', async () => {
    const lengths: number[] = [];
    const huge: ByteSource = {
      size: 1 << 30,
      slice: (start, end) => {
        lengths.push(end - start);
        return { arrayBuffer: () => Promise.resolve(new ArrayBuffer(4).slice(0, 0)) };
      },
    };
    let pieces = 0;
    for await (const piece of readText(huge, 'huge.txt')) pieces += piece.length;
    expect(pieces).toBe(0);
    expect(lengths).toHaveLength(1024);
    expect(Math.max(...lengths)).toBe(1 << 20);
  });

  it('stops at the next slice once cancelled', async () => {
    const abort = new AbortController();
    const reader = readText(new Blob(['abcdef']), 'a.txt', { sliceBytes: 2, signal: abort.signal });
    await reader.next();
    abort.abort();
    await expect(reader.next()).rejects.toMatchObject({ code: 'rpc.cancelled' });
  });
});
