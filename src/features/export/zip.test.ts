import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { StreamedFile } from '../../lib/formats/streamed-file';
import { zipStreams } from './zip';

const file = (name: string, chunks: Uint8Array<ArrayBuffer>[], byteLength?: number): StreamedFile => ({
  name,
  byteLength: byteLength ?? chunks.reduce((sum, { length }) => sum + length, 0),
  async *stream() {
    await Promise.resolve();
    yield* chunks;
  },
});
const bytes = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 31) % 7);

async function zipOf(files: StreamedFile[]): Promise<{ zip: Uint8Array; read: number[] }> {
  const packing = zipStreams(files);
  const read: number[] = [];
  for (;;) {
    const step = await packing.next();
    if (step.done === true) return { zip: new Uint8Array(await step.value.arrayBuffer()), read };
    read.push(step.value.bytes);
  }
}

const version = (zip: Uint8Array): number => new DataView(zip.buffer).getUint16(4, true);
const NEEDS_64_BITS = 45;

describe('zip', () => {
  it('another reader finds every file in its place; what is text is packed', async () => {
    const files = [
      file('weights.bin', [bytes(300), bytes(13)]),
      file('über.json', [bytes(5000)]),
      file('empty', []),
    ];
    const { zip, read } = await zipOf(files);
    const found = unzipSync(zip);
    expect(Object.keys(found)).toEqual(['weights.bin', 'über.json', 'empty']);
    expect(found['weights.bin']).toEqual(Uint8Array.from([...bytes(300), ...bytes(13)]));
    expect(found['über.json']).toEqual(bytes(5000));
    expect(found['empty']).toHaveLength(0);
    expect(zip.length).toBeLessThan(1500);
    expect(read).toEqual([300, 13, 5000]);
    expect(version(zip)).toBeLessThan(NEEDS_64_BITS);
  });

  it('the same content is the same file', async () => {
    const once = await zipOf([file('a.txt', [bytes(99)])]);
    const again = await zipOf([file('a.txt', [bytes(99)])]);
    expect(again.zip).toEqual(once.zip);
  });

  it('a file that is announced with more than 4 GB has fields of 64 bits', async () => {
    const { zip } = await zipOf([file('large.bin', [bytes(9)], 2 ** 32)]);
    expect(version(zip)).toBe(NEEDS_64_BITS);
    expect(unzipSync(zip)['large.bin']).toEqual(bytes(9));
  });

  it('chunks may be views of memory that is used again', async () => {
    const memory = new Uint8Array(4);
    const reused: StreamedFile = {
      name: 'a.bin',
      byteLength: 12,
      async *stream() {
        for (let i = 1; i <= 3; i += 1) {
          await Promise.resolve();
          yield memory.fill(i);
        }
      },
    };
    const { zip } = await zipOf([reused]);
    expect([...(unzipSync(zip)['a.bin'] ?? [])]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  });

  it('what a file throws is what packing throws; ended early, nothing stays open', async () => {
    const broken: StreamedFile = {
      name: 'b.bin',
      byteLength: 8,
      async *stream() {
        await Promise.resolve();
        yield bytes(4);
        throw new Error('the rest is gone');
      },
    };
    await expect(zipOf([broken])).rejects.toThrow('the rest is gone');
    const packing = zipStreams([file('c.bin', [bytes(4), bytes(4)])]);
    expect((await packing.next()).done).toBe(false);
    await packing.return(new Blob());
    expect((await packing.next()).done).toBe(true);
  });
});
