import { describe, expect, it } from 'vitest';
import { readCsvRows } from './csv-rows';
import type { Row } from './row-event';
import { readText, type ByteSource } from './text-reader';

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size)
    yield await Promise.resolve(text.slice(start, start + size));
}

/** Rows, and lines with what is wrong with them; the same whatever the pieces. */
async function read(text: string): Promise<(Row | string)[]> {
  const results: (Row | string)[][] = [];
  for (const size of [text.length || 1, 1, 2, 7]) {
    const found: (Row | string)[] = [];
    for await (const event of readCsvRows(pieces(text, size))) {
      found.push(event.kind === 'row' ? event.row : `${event.line}: ${event.message}`);
    }
    results.push(found);
  }
  const [whole = []] = results;
  for (const result of results) expect(result).toEqual(whole);
  return whole;
}

const encoded = (text: string, bytes: number[], littleEndian: boolean): Blob => {
  const units = new Uint16Array([...text].map((character) => character.charCodeAt(0)));
  const view = new DataView(new ArrayBuffer(units.length * 2));
  units.forEach((unit, i) => view.setUint16(i * 2, unit, littleEndian));
  return new Blob([Uint8Array.from(bytes), view.buffer]);
};

async function readFile(blob: ByteSource): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const event of readCsvRows(readText(blob, 'a.csv')))
    if (event.kind === 'row') rows.push(event.row);
  return rows;
}

describe('csv rows: RFC 4180', () => {
  it.each([
    ['lines that end with CRLF', 'a,b\r\n1,2\r\n3,4\r\n'],
    ['no end of the last line', 'a,b\n1,2\n3,4'],
    ['old line ends', 'a,b\r1,2\r3,4\r'],
    ['blank lines before, between and after', '\n \na,b\n\n1,2\n\r\n3,4\n\n'],
    ['semicolons', 'a;b\n1;2\n3;4\n'],
    ['tabs', 'a\tb\n1\t2\n3\t4\n'],
    ['bars', 'a|b\n1|2\n3|4\n'],
    ['everything quoted', '"a","b"\n"1","2"\n"3","4"\n'],
    ['empty fields at the end of rows', 'a,b\n1,2,\n3,4, ,\n'],
  ])('%s', async (_, text) => {
    expect(await read(text)).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ]);
  });

  it('quoted fields keep delimiters, quotes and line ends, which are made alike', async () => {
    expect(await read('a,b\n"1,2","say ""hi"""\n"x\r\ny","""\n"\n"",""\n')).toEqual([
      { a: '1,2', b: 'say "hi"' },
      { a: 'x\ny', b: '"\n' },
      { a: '', b: '' },
    ]);
  });

  it('spaces are part of a field, but not of the name of a column', async () => {
    expect(await read('a , b\n 1 ,2 \n')).toEqual([{ a: ' 1 ', b: '2 ' }]);
  });

  it('a quote within a field that is not quoted is a character', async () => {
    expect(await read('a,b\n5" nail,x\n')).toEqual([{ a: '5" nail', b: 'x' }]);
  });

  it('names of columns: quoted with a line end, with delimiters, empty, twice', async () => {
    expect(await read('"a\n,;;";b;;b\n1;2;3;4\n')).toEqual([
      { 'a\n,;;': '1', b: '2', 'column 3': '3', 'b 2': '4' },
    ]);
  });

  it('ragged rows: what is missing is absent, what is too much is told', async () => {
    expect(await read('a,b\n1\n1,2,3\n4,5\n')).toEqual([
      { a: '1' },
      '3: The row has 3 fields, the header 2: quote fields that contain the delimiter.',
      { a: '4', b: '5' },
    ]);
  });

  it('no file, nothing but blank lines, nothing but a header: no rows', async () => {
    for (const text of ['', '\n\n', 'a,b', 'a,b\r\n']) expect(await read(text)).toEqual([]);
  });

  it('one column', async () => {
    expect(await read('text\nan anvil\n"a, b"\n')).toEqual([{ text: 'an anvil' }, { text: 'a, b' }]);
  });

  it('a quote that is never closed costs its line, not those after it', async () => {
    const unclosed = 'A quote that opens here is never closed.';
    expect(await read('a,b\n1,2\n"3,4\n5,6\n"7\n8,9\n')).toEqual([
      { a: '1', b: '2' },
      // Up to the next quote the text could be one field, with something behind its end.
      `3: ${unclosed}`,
      { a: '5', b: '6' },
      `5: ${unclosed}`,
      { a: '8', b: '9' },
    ]);
    expect(await read('a,b\n"x"y,1\n2,3\n')).toEqual([`2: ${unclosed}`, { a: '2', b: '3' }]);
  });

  it('a row longer than the limit costs its line', async () => {
    const text = `a,b\n"${'x'.repeat(50)}\n1,2\n3,4\n`;
    const found: unknown[] = [];
    for await (const event of readCsvRows(pieces(text, 10), 40)) {
      found.push(event.kind === 'row' ? event.row : event.line);
    }
    expect(found).toEqual([2, { a: '1', b: '2' }, { a: '3', b: '4' }]);
  });

  it('a byte order mark, and UTF-16 with and without one', async () => {
    const text = 'a,b\n1,ñ\n';
    const row = [{ a: '1', b: 'ñ' }];
    expect(await readFile(new Blob(['\ufeff', text]))).toEqual(row);
    expect(await readFile(encoded(text, [0xff, 0xfe], true))).toEqual(row);
    expect(await readFile(encoded(text, [0xfe, 0xff], false))).toEqual(row);
    expect(await readFile(encoded(text, [], true))).toEqual(row);
  });

  it('a file that is made as it is read: a slice at a time, however long it is', async () => {
    const line = new TextEncoder().encode(`"${'x, '.repeat(30)}",${'y'.repeat(36)}\r\n`);
    const header = new TextEncoder().encode('a,b\r\n'.padEnd(line.length, '\n'));
    // CSV_TEST_MEGABYTES=100 reads as much.
    const size =
      Math.floor((Number(process.env['CSV_TEST_MEGABYTES'] ?? 8) * 2 ** 20) / line.length) * line.length;
    let sliced = 0;
    const file: ByteSource = {
      size,
      slice: (start, end) => {
        sliced = end;
        const bytes = Uint8Array.from({ length: end - start }, (_, i) => {
          const at = start + i;
          return (at < line.length ? header : line)[at % line.length] ?? 0;
        });
        return new Blob([bytes]);
      },
    };
    let rows = 0;
    let furthest = 0;
    for await (const event of readCsvRows(readText(file, 'a.csv'))) {
      rows += event.kind === 'row' ? 1 : 0;
      furthest = Math.max(furthest, sliced - rows * line.length);
    }
    expect(rows).toBe(size / line.length - 1);
    // Never more than a slice and a row ahead of the reader.
    expect(furthest).toBeLessThan(2 ** 20 + 3 * line.length);
  });
});
