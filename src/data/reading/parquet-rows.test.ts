import { describe, expect, it } from 'vitest';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Row, RowEvent } from './row-event';
import { readParquetRows } from './parquet-rows';

type Columns = Parameters<typeof parquetWriteBuffer>[0];

const written = (options: Columns): Blob => new Blob([parquetWriteBuffer(options)]);

async function rowsOf(blob: Blob, stepBytes?: number): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const event of readParquetRows(blob, 'table.parquet', {}, stepBytes)) {
    if (event.kind === 'row') rows.push(event.row);
  }
  return rows;
}

const many = Array.from({ length: 2500 }, (_, i) => `row ${i} ${'x'.repeat(i % 50)}`);

describe('parquet rows', () => {
  it('every row in order, whatever the groups and the steps', async () => {
    const blob = written({ columnData: [{ name: 'text', data: many, type: 'STRING' }], rowGroupSize: 600 });
    const expected = many.map((text) => ({ text }));
    expect(await rowsOf(blob)).toEqual(expected);
    expect(await rowsOf(blob, 3000)).toEqual(expected);
  });

  it.each(['UNCOMPRESSED', 'SNAPPY'] as const)('%s, with a dictionary', async (codec) => {
    const data = many.map((_, i) => (i % 3 === 0 ? 'anvil' : 'hammer'));
    const blob = written({ columnData: [{ name: 'tool', data, type: 'STRING' }], codec });
    expect(await rowsOf(blob)).toEqual(data.map((tool) => ({ tool })));
  });

  it('gzip', async () => {
    const { gzipSync } = await import('node:zlib');
    const compressors = { GZIP: (input: Uint8Array) => new Uint8Array(gzipSync(input)) };
    const columnData = [{ name: 'text', data: many, type: 'STRING' as const }];
    const blob = written({ columnData, codec: 'GZIP', compressors });
    expect(blob.size).toBeLessThan(written({ columnData, codec: 'UNCOMPRESSED' }).size / 2);
    expect(await rowsOf(blob)).toEqual(many.map((text) => ({ text })));
  });

  it('nothing, numbers of 64 bits and times become what JSON knows', async () => {
    const blob = written({
      columnData: [
        { name: 'text', data: ['a', null], type: 'STRING' },
        { name: 'count', data: [7n, 9007199254740993n], type: 'INT64' },
        { name: 'at', data: [new Date(0), new Date(86_400_000)], type: 'TIMESTAMP' },
      ],
    });
    const rows = await rowsOf(blob);
    expect(rows).toEqual([
      { text: 'a', count: 7, at: '1970-01-01T00:00:00.000Z' },
      { text: null, count: '9007199254740993', at: '1970-01-02T00:00:00.000Z' },
    ]);
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
  });

  it('columns of bytes are left out', async () => {
    const blob = written({
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'raw', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, repetition_type: 'OPTIONAL' },
      ],
      columnData: [
        { name: 'text', data: ['a'] },
        { name: 'raw', data: [Uint8Array.of(255, 0)] },
      ],
    });
    expect(await rowsOf(blob)).toEqual([{ text: 'a' }]);
  });

  it('a list of turns, as chat datasets have it', async () => {
    const turns = [
      [
        { role: 'user', content: 'What is slag?' },
        { role: 'assistant', content: 'What the fire leaves.' },
      ],
      [{ role: 'user', content: 'And flux?' }],
    ];
    const blob = written({
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'messages', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
        { name: 'role', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'content', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      ],
      columnData: [{ name: 'messages', data: turns }],
    });
    expect(await rowsOf(blob)).toEqual(turns.map((messages) => ({ messages })));
  });

  it('counts rows from 1, tells how far it is, and stops when asked', async () => {
    const blob = written({ columnData: [{ name: 'text', data: many, type: 'STRING' }], rowGroupSize: 500 });
    const stop = new AbortController();
    const seen: number[] = [];
    const lines: number[] = [];
    const run = async (): Promise<void> => {
      const options = { signal: stop.signal, onBytes: (done: number) => void seen.push(done) };
      for await (const event of readParquetRows(blob, 't', options) as AsyncIterable<RowEvent>) {
        lines.push(event.line);
        if (event.line === 501) stop.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'rpc.cancelled' });
    expect(lines.slice(0, 3)).toEqual([1, 2, 3]);
    expect(lines).toHaveLength(1000);
    expect(seen[0]).toBe(Math.round(blob.size / 5));
  });

  it('what is no table, or is cut off, is named', async () => {
    const whole = written({ columnData: [{ name: 'text', data: many, type: 'STRING' }] });
    const refused = {
      code: 'import.invalid',
      message: expect.stringMatching(/^table\.parquet cannot be read/) as string,
    };
    for (const blob of [new Blob(['PAR1 no']), new Blob([]), whole.slice(0, whole.size - 9)]) {
      await expect(rowsOf(blob)).rejects.toMatchObject(refused);
    }
  });
});
