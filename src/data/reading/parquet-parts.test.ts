import { describe, expect, it } from 'vitest';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { rowFilterOf } from '../backends/huggingface/filter-func';
import { readParquetRows, type ParquetReadOptions } from './parquet-rows';
import type { Row } from './row-event';
import type { ByteSource } from './text-reader';

const GROUPS = 20;
const ROWS = 100;
const CHARS = 2000;

/** Not to be packed: digits of a generator. */
function noise(row: number): string {
  let state = row + 1;
  let text = '';
  while (text.length < CHARS) {
    state = Math.imul(state, 1664525) + 1013904223;
    text += (state >>> 0).toString(36);
  }
  return text.slice(0, CHARS);
}

const indexes = Array.from({ length: GROUPS * ROWS }, (_, i) => i);
const group = (i: number): number => Math.floor(i / ROWS);

/** Twenty groups with 200 kB of text and of other text; marks grow from group to group. */
const table = new Blob([
  parquetWriteBuffer({
    codec: 'UNCOMPRESSED',
    rowGroupSize: ROWS,
    schema: [
      { name: 'root', num_children: 5 },
      { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'other', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'collection', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'width', type: 'INT32', repetition_type: 'REQUIRED' },
      { name: 'quality', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'clarity', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
      { name: 'depth', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
    ],
    columnData: [
      { name: 'text', data: indexes.map(noise) },
      { name: 'other', data: indexes.map((i) => noise(i + 5000)) },
      { name: 'collection', data: indexes.map((i) => (i % 10 === 9 ? null : `c${group(i)}`)) },
      { name: 'width', data: indexes.map((i) => i % ROWS) },
      {
        name: 'quality',
        data: indexes.map((i) =>
          i % 10 === 5 ? null : { clarity: group(i) / GROUPS, depth: i % 10 === 6 ? null : 0.5 },
        ),
      },
    ],
  }),
]);
/** What the end of the file takes that is always read. */
const FOOTER_BYTES = 1 << 19;

function counted(blob: Blob): { source: ByteSource; bytes: () => number } {
  let bytes = 0;
  const source = {
    size: blob.size,
    slice: (start: number, end: number) => {
      bytes += Math.min(end, blob.size) - start;
      return blob.slice(start, end);
    },
  };
  return { source, bytes: () => bytes };
}

async function readTable(
  options: ParquetReadOptions,
  stepBytes?: number,
): Promise<{ rows: Row[]; lines: number[]; bytes: number }> {
  const { source, bytes } = counted(table);
  const rows: Row[] = [];
  const lines: number[] = [];
  for await (const event of readParquetRows(source, 'table.parquet', options, stepBytes)) {
    if (event.kind === 'row') rows.push(event.row);
    lines.push(event.line);
  }
  return { rows, lines, bytes: bytes() - FOOTER_BYTES };
}

describe('parquet rows in parts', () => {
  it('only the columns that are asked for are fetched', async () => {
    const all = await readTable({});
    const one = await readTable({ columns: ['text', 'absent'] });
    expect(one.rows).toEqual(indexes.map((i) => ({ text: noise(i) })));
    expect(all.bytes).toBeGreaterThan(2 * GROUPS * ROWS * CHARS);
    expect(one.bytes).toBeLessThan(1.05 * GROUPS * ROWS * CHARS);
  });

  it('groups whose statistics contradict the filter are not fetched', async () => {
    const filter = rowFilterOf({ collection: ['c3', 'c4', 'none'] });
    const { rows, lines, bytes } = await readTable({ columns: ['text'], ...(filter && { filter }) });
    const expected = indexes.filter((i) => [3, 4].includes(group(i)) && i % 10 !== 9);
    expect(rows).toEqual(expected.map((i) => ({ text: noise(i) })));
    expect(lines).toEqual(expected.map((i) => i + 1));
    expect(bytes).toBeLessThan(1.1 * 2 * ROWS * CHARS);
  });

  it('where no row of a group passes, only the columns of the filter are fetched', async () => {
    const passes = ({ width }: Row): boolean => width === -1;
    const { rows, bytes } = await readTable({ filter: { columns: ['width'], prune: null, passes } });
    expect(rows).toEqual([]);
    expect(bytes).toBeLessThan(20 * GROUPS * ROWS);
  });

  it('rows without marks, with a missing or a lower one do not pass', async () => {
    const filter = rowFilterOf({
      quality_column: 'quality',
      quality_thresholds: { clarity: 0.9, depth: 0.5 },
    });
    let rejected = 0;
    const onRejected = (count: number) => void (rejected += count);
    const { rows, bytes } = await readTable({ columns: ['width'], onRejected, ...(filter && { filter }) });
    const expected = indexes.filter((i) => group(i) >= 18 && i % 10 !== 5 && i % 10 !== 6);
    expect(rows).toEqual(expected.map((i) => ({ width: i % ROWS })));
    expect(rejected).toBe(indexes.length - expected.length);
    expect(bytes).toBeLessThan(20 * GROUPS * ROWS);
  });

  it('least sizes and everything together', async () => {
    const filter = rowFilterOf({
      collection: 'c2',
      min_width: 95,
      quality_column: 'quality',
      quality_thresholds: { clarity: 0 },
    });
    const { rows } = await readTable({ columns: ['collection', 'width'], ...(filter && { filter }) });
    // Of the last five rows of the group 5 has no marks and 9 no collection.
    expect(rows.map(({ width }) => width)).toEqual([96, 97, 98]);
  });

  it('a group that takes several steps is fetched once', async () => {
    const whole = await readTable({ columns: ['text'] });
    const steps = await readTable({ columns: ['text'] }, (ROWS * CHARS) / 7);
    expect(steps.rows).toEqual(whole.rows);
    expect(steps.lines).toEqual(whole.lines);
    expect(steps.bytes).toBeLessThan(whole.bytes * 1.1);
  });

  it('columns that are not there are named, with those that are', async () => {
    const remedy = 'Its columns are text, other, collection, width, quality.';
    await expect(readTable({ columns: ['a', 'b'] })).rejects.toMatchObject({
      code: 'import.invalid',
      message: 'table.parquet has no column "a" or "b".',
      remedy,
    });
    const filter = rowFilterOf({ min_height: 1 });
    await expect(readTable({ ...(filter && { filter }) })).rejects.toMatchObject({
      message: 'table.parquet has no column "height", which its rows are filtered by.',
      remedy,
    });
  });

  it('pictures are not fetched unless they are asked for', async () => {
    const blob = new Blob([
      parquetWriteBuffer({
        schema: [
          { name: 'root', num_children: 2 },
          { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
          { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
          { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
          { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        ],
        columnData: [
          { name: 'text', data: ['a'] },
          { name: 'image', data: [{ bytes: Uint8Array.of(1), path: 'a.png' }] },
        ],
      }),
    ]);
    const events = [];
    for await (const event of readParquetRows(blob, 't')) events.push(event);
    for await (const event of readParquetRows(blob, 't', { columns: ['image'] })) events.push(event);
    expect(events).toMatchObject([{ row: { text: 'a' } }, { row: { image: { path: 'a.png' } } }]);
  });

  it('nothing to filter by is no filter', () => {
    for (const filter of [undefined, null, {}, { quality_thresholds: {} }])
      expect(rowFilterOf(filter)).toBeUndefined();
  });
});

/** A frame of zstd whose blocks are stored as they are. */
function zstdFrame(input: Uint8Array): Uint8Array {
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, ...new Uint8Array(Uint32Array.of(input.length).buffer)];
  const parts: number[][] = [];
  const block = 1 << 17;
  for (let at = 0; at === 0 || at < input.length; at += block) {
    const piece = input.subarray(at, at + block);
    const header = (piece.length << 3) | (at + block >= input.length ? 1 : 0);
    parts.push([header & 255, (header >> 8) & 255, header >> 16], [...piece]);
  }
  return Uint8Array.from([...head, ...parts.flat()]);
}

describe('parquet rows, packed', () => {
  it('zstd, with nulls and many groups', async () => {
    const data = Array.from({ length: 1000 }, (_, i) => (i % 7 === 0 ? null : `row ${i}`));
    const blob = new Blob([
      parquetWriteBuffer({
        columnData: [{ name: 'text', data, type: 'STRING' }],
        codec: 'ZSTD',
        compressors: { ZSTD: zstdFrame },
        rowGroupSize: 64,
      }),
    ]);
    const rows: Row[] = [];
    for await (const event of readParquetRows(blob, 't')) if (event.kind === 'row') rows.push(event.row);
    expect(rows).toEqual(data.map((text) => ({ text })));
  });
});
