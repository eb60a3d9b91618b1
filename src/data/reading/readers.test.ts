import { describe, expect, it } from 'vitest';
import { readCsvRows } from './csv-rows';
import { FileTypes, fileTypeOf } from './file-rows';
import { readJsonRows } from './json-rows';
import { readJsonlRows } from './jsonl-rows';
import type { RowEvent } from './row-event';
import { readTextRows } from './text-rows';

type Reader = (pieces: AsyncIterable<string>, maxChars?: number) => AsyncGenerator<RowEvent>;

async function* inPieces(text: string, size: number): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size)
    yield await Promise.resolve(text.slice(start, start + size));
}

async function read(reader: Reader, text: string, size = 7, maxChars?: number): Promise<RowEvent[]> {
  const events: RowEvent[] = [];
  for await (const event of reader(inPieces(text, size), maxChars)) events.push(event);
  return events;
}

function rows(events: RowEvent[]): unknown[] {
  return events.map((event) => (event.kind === 'row' ? event.row : event.message));
}

/** Whatever the sizes of the pieces, the rows are the same. */
async function sameInAllPieces(reader: Reader, text: string): Promise<RowEvent[]> {
  const whole = await read(reader, text, text.length);
  for (const size of [1, 2, 3, 5, 11]) expect(await read(reader, text, size)).toEqual(whole);
  return whole;
}

describe('jsonl-rows', () => {
  it('reads an object from each line and skips blank ones', async () => {
    const events = await sameInAllPieces(readJsonlRows, '{"a":1}\r\n\n{"a":"é"}');
    expect(events).toEqual([
      { kind: 'row', row: { a: 1 }, line: 1 },
      { kind: 'row', row: { a: 'é' }, line: 3 },
    ]);
  });

  it('names the line that is no JSON, with an excerpt', async () => {
    const events = await read(readJsonlRows, '{"a":1}\n{"a":oops}\n[1]\n');
    expect(events[1]).toMatchObject({ kind: 'bad', line: 2, excerpt: '{"a":oops}' });
    expect(events[2]).toMatchObject({
      kind: 'bad',
      line: 3,
      message: expect.stringContaining('found a list') as string,
    });
  });

  it('gives up on a line without end once, without keeping it', async () => {
    const events = await read(readJsonlRows, `{"a":"${'x'.repeat(100)}"}\n{"a":2}`, 9, 30);
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ kind: 'bad', line: 1 });
    expect(events[1]).toMatchObject({ kind: 'row', row: { a: 2 }, line: 2 });
  });
});

describe('json-rows', () => {
  it('reads the objects of a list, brackets in strings and nesting included', async () => {
    const text = '[ {"a":"[}\\"{"},\n {"b":[{"c":1}]} ]';
    const events = await sameInAllPieces(readJsonRows, text);
    expect(rows(events)).toEqual([{ a: '[}"{' }, { b: [{ c: 1 }] }]);
    expect(events[1]?.line).toBe(2);
  });

  it('reads objects one after the other', async () => {
    expect(rows(await sameInAllPieces(readJsonRows, '{"a":1}\n{"a":2}\n'))).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('names broken elements and goes on', async () => {
    const events = await sameInAllPieces(readJsonRows, '[{"a":1},\n7,\n{"a":},\n{"a":2}]');
    expect(events.map(({ kind, line }) => `${kind} ${line}`)).toEqual(['row 1', 'bad 2', 'bad 3', 'row 4']);
  });

  it('says where a file ends in the middle of a value', async () => {
    const events = await read(readJsonRows, '[{"a":1},\n{"a":[1');
    expect(events[1]).toMatchObject({ kind: 'bad', line: 2, excerpt: '{"a":[1' });
  });
});

describe('csv-rows', () => {
  it('reads quoted fields with delimiters and line ends, and counts lines', async () => {
    const text = 'prompt,completion\r\n"a, ""b""","x\r\ny"\r\nc,d\r\n';
    const events = await sameInAllPieces(readCsvRows, text);
    expect(events).toEqual([
      { kind: 'row', row: { prompt: 'a, "b"', completion: 'x\ny' }, line: 2 },
      { kind: 'row', row: { prompt: 'c', completion: 'd' }, line: 4 },
    ]);
  });

  it('finds the delimiter', async () => {
    expect(rows(await read(readCsvRows, 'a;b\n1;2\n3;4\n', 100))).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ]);
  });

  it('refuses rows with more fields than the header', async () => {
    const events = await read(readCsvRows, 'a,b\n1,2,3\n4,5\n', 100);
    expect(events[0]).toMatchObject({ kind: 'bad', line: 2 });
    expect(events[1]).toMatchObject({ kind: 'row', row: { a: '4', b: '5' } });
  });

  it('names a quote that is never closed', async () => {
    const events = await read(readCsvRows, 'a,b\n1,2\n"3,4\n5,6\n', 100);
    expect(rows(events)[0]).toEqual({ a: '1', b: '2' });
    expect(events[1]).toMatchObject({ kind: 'bad', line: 3 });
  });
});

describe('text-rows', () => {
  it('makes a row of each block between blank lines', async () => {
    const events = await sameInAllPieces(readTextRows, '\none\ntwo\n\n  \nthree\n');
    expect(events).toEqual([
      { kind: 'row', row: { text: 'one\ntwo' }, line: 2 },
      { kind: 'row', row: { text: 'three' }, line: 6 },
    ]);
  });

  it('cuts long blocks at spaces, losing no word', async () => {
    const words = Array.from({ length: 50 }, (_, i) => `word${i}`).join(' ');
    const texts = (await read(readTextRows, words, 13, 40)).map((event) =>
      event.kind === 'row' ? String(event.row['text']) : '',
    );
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(40);
    expect(texts.join(' ')).toBe(words);
  });
});

describe('file-rows', () => {
  it('tells the type by the ending and refuses a mixture', () => {
    expect(['a.JSONL', 'b.tsv', 'c.md', 'noending'].map(fileTypeOf)).toEqual(['jsonl', 'csv', 'md', 'txt']);
    const types = new FileTypes();
    types.add('a.txt');
    types.add('b.md');
    expect(types.type).toBe('txt');
    expect(() => types.add('c.csv')).toThrow(/different types: txt, md, csv/);
  });
});
