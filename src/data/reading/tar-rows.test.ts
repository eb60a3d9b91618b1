import { packTar } from 'modern-tar';
import { describe, expect, it } from 'vitest';
import { readRows } from './file-rows';
import type { RowEvent } from './row-event';
import type { ByteSource } from './text-reader';

type Entry = [name: string, content: string | Uint8Array<ArrayBuffer>];

const pack = (entries: Entry[]): Promise<Uint8Array<ArrayBuffer>> =>
  packTar(
    entries.map(([name, content]) => {
      const body = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return { header: { name, size: body.length }, body };
    }),
  );

async function read(bytes: Uint8Array<ArrayBuffer> | ByteSource, sliceBytes = 700): Promise<RowEvent[]> {
  const blob = bytes instanceof Uint8Array ? new Blob([bytes]) : bytes;
  const events: RowEvent[] = [];
  for await (const event of readRows({ name: 'shard-0.tar', blob }, { sliceBytes })) events.push(event);
  return events;
}

const rowsOf = (events: RowEvent[]) =>
  events.map((event) => (event.kind === 'row' ? event.row : event.message));

/** Overwrites a field of the first header and makes its checksum right again. */
function withField(bytes: Uint8Array<ArrayBuffer>, at: number, text: string): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(text), at);
  copy.fill(32, 148, 156);
  const sum = copy.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  copy.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return copy;
}

describe('tar rows', () => {
  it('members of one name are a row: text, fields, class; others are passed over', async () => {
    const shard = await pack([
      ['a/0001.json', '{"lang":"en","text":"of the fields"}'],
      ['a/0001.jpg', new Uint8Array(5000)],
      ['a/0001.txt', 'An anvil is heavy.'],
      ['a/0002.txt', 'Some tongs.'],
      ['a/0002.cls', '7\n'],
      ['b/0002.en.txt', 'Not a text member.'],
      ['b/0003.json', '{"prompt":"What is slag?","completion":"What is left."}'],
    ]);
    expect(rowsOf(await read(shard))).toEqual([
      { lang: 'en', text: 'An anvil is heavy.' },
      { text: 'Some tongs.', class: '7' },
      'It has no .txt, .json or .cls.',
      { prompt: 'What is slag?', completion: 'What is left.' },
    ]);
  });

  it('names are nothing but names: paths that lead out, links, folders and hidden files', async () => {
    const shard = await packTar([
      { header: { name: 'folder/', size: 0, type: 'directory' } },
      { header: { name: 'link.txt', size: 0, type: 'symlink', linkname: '/etc/passwd' } },
      ...['../../etc/passwd.txt', '/etc/.shadow.txt', '._0001.txt', '__proto__.json'].map((name) => {
        const body = new TextEncoder().encode(name.endsWith('json') ? '{"__proto__":{"text":"x"}}' : 'words');
        return { header: { name, size: body.length }, body };
      }),
    ]);
    const rows = rowsOf(await read(shard));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({ text: 'words' });
    expect(Object.getPrototypeOf(rows[1])).toBe(Object.prototype);
    expect('text' in Object(rows[1])).toBe(false);
  });

  it('fields that are none, nested without end or too long cost their row only', async () => {
    const shard = await pack([
      ['1.json', '{"text":'],
      ['2.json', `{"more":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
      ['3.txt', 'x'.repeat(2 ** 24 + 1)],
      ['4.txt', 'kept'],
    ]);
    const [broken, nested, long, kept] = rowsOf(await read(shard, 2 ** 20));
    expect(broken).toMatch(/^Its \.json: This is not JSON/);
    expect(nested).toBe('Its .json: Its values are nested more than 100 deep.');
    expect(long).toBe('Its .txt is longer than 16777216 characters.');
    expect(kept).toEqual({ text: 'kept' });
  });

  it.each([
    ['cut off in a member', async () => (await pack([['1.txt', 'x'.repeat(5000)]])).slice(0, 2000)],
    ['cut off in a header', async () => (await pack([['1.txt', 'x']])).slice(0, 300)],
    [
      'said to be larger than anything',
      async () => withField(await pack([['1.txt', 'x']]), 124, '77777777777\0'),
    ],
    [
      'with a size that is no number',
      async () => withField(await pack([['1.txt', 'x']]), 124, 'zzzzzzzzzzz\0'),
    ],
    ['no archive', () => Promise.resolve(new TextEncoder().encode('words '.repeat(400)))],
  ])('%s: refused as damaged', async (_name, bytes) => {
    await expect(bytes().then((shard) => read(shard))).rejects.toMatchObject({
      code: 'import.invalid',
      message: expect.stringMatching(/^shard-0\.tar cannot be read as a tar archive: /) as string,
    });
  });

  it('what a source says of itself is no damage, and a signal ends it', async () => {
    const shard = await pack([['1.txt', 'x'.repeat(5000)]]);
    const stop = new AbortController();
    stop.abort();
    const events = readRows({ name: 'a.tar', blob: new Blob([shard]) }, { signal: stop.signal });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'rpc.cancelled' });
  });

  it('is read piece by piece: the first row is there before the end was asked for', async () => {
    const shard = await pack(Array.from({ length: 300 }, (_, i) => [`${i}.txt`, `Row ${i}`] as Entry));
    let furthest = 0;
    const source: ByteSource = {
      size: shard.length,
      slice: (start, end) => {
        furthest = Math.max(furthest, end);
        return new Blob([shard.slice(start, end)]);
      },
    };
    for await (const event of readRows({ name: 'a.tar', blob: source }, { sliceBytes: 2048 })) {
      expect(rowsOf([event])).toEqual([{ text: 'Row 0' }]);
      break;
    }
    expect(furthest).toBeLessThan(shard.length / 4);
  });
});
