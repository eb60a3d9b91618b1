import { describe, expect, it } from 'vitest';
import { bfloatToFloat, floatToHalf, halfToFloat } from './float16';
import {
  readSafetensor,
  readSafetensorsHeader,
  rowsOf,
  writeSafetensors,
  type SafetensorsEntry,
} from './safetensors';

function fileOf(header: string, data = new Uint8Array(0), claimedLength?: bigint): Blob {
  const json = new TextEncoder().encode(header);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, claimedLength ?? BigInt(json.length), true);
  return new Blob([length.buffer, json, data]);
}

const header = (tensors: Record<string, unknown>): string => JSON.stringify(tensors);

async function failure(file: Blob): Promise<{ code: unknown; message: string }> {
  const error = await readSafetensorsHeader(file).then(
    () => null,
    (reason: unknown) => reason as Error & { code: string },
  );
  return { code: error?.code, message: error?.message ?? '' };
}

describe('safetensors', () => {
  it('safetensors: what was written is read back, with names, shapes and metadata', async () => {
    const tensors = new Map([
      ['first', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['second', { shape: [1], data: Float32Array.of(-0.5) }],
    ]);
    const file = writeSafetensors(tensors, { maker: 'test' });
    const { tensors: entries, metadata } = await readSafetensorsHeader(file);
    expect(metadata).toEqual({ format: 'pt', maker: 'test' });
    expect([...entries.keys()]).toEqual(['first', 'second']);
    for (const [name, expected] of tensors) {
      expect(await readSafetensor(file, entries.get(name) as SafetensorsEntry)).toEqual(expected);
    }
    expect((entries.get('first')?.begin ?? 1) % 8).toBe(0);
  });

  it('safetensors: rows of an array are read alone', async () => {
    const file = writeSafetensors(
      new Map([
        ['before', { shape: [1], data: Float32Array.of(9) }],
        ['matrix', { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ]),
    );
    const entry = (await readSafetensorsHeader(file)).tensors.get('matrix') as SafetensorsEntry;
    expect(await readSafetensor(file, rowsOf(entry, 1, 2))).toEqual({
      shape: [2, 2],
      data: Float32Array.of(3, 4, 5, 6),
    });
    expect(() => rowsOf(entry, 2, 2)).toThrow('Rows 2 to 4 are not among 3.');
  });

  it('safetensors: F16 and BF16 become 32-bit floats', async () => {
    // 0x3c00 is 1, 0xc000 is -2 in half; 0x3f80 is 1, 0xc040 is -3 in bfloat.
    const data = new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x3f80, 0xc040]).buffer);
    const file = fileOf(
      header({
        half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] },
        bfloat: { dtype: 'BF16', shape: [2], data_offsets: [4, 8] },
      }),
      data,
    );
    const { tensors } = await readSafetensorsHeader(file);
    const read = (name: string) => readSafetensor(file, tensors.get(name) as SafetensorsEntry);
    expect([...(await read('half')).data]).toEqual([1, -2]);
    expect([...(await read('bfloat')).data]).toEqual([1, -3]);
  });

  it('safetensors: subnormal, infinite and undefined halves', () => {
    expect(halfToFloat(0x0001)).toBe(2 ** -24);
    expect(halfToFloat(0x7bff)).toBe(65504);
    expect(halfToFloat(0xfc00)).toBe(-Infinity);
    expect(halfToFloat(0x7e00)).toBeNaN();
    expect(bfloatToFloat(0xff80)).toBe(-Infinity);
  });

  it('halves: every one survives, ties go to the even one, what is too large is infinite', () => {
    const all = Array.from({ length: 0x7c00 }, (_, bits) => bits);
    expect(all.filter((bits) => floatToHalf(halfToFloat(bits)) !== bits)).toEqual([]);
    // Between 0x3c00 (1) and 0x3c01 (1 + 2^-10), and between 0x3c01 and 0x3c02; subnormals alike.
    expect(floatToHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(floatToHalf(-1 - 3 * 2 ** -11)).toBe(0xbc02);
    expect(floatToHalf(1.5 * 2 ** -24)).toBe(0x0002);
    expect(floatToHalf(2 ** -25)).toBe(0);
    expect(floatToHalf(65_519)).toBe(0x7bff);
    expect(floatToHalf(65_520)).toBe(0x7c00);
    expect(floatToHalf(NaN)).toBe(0x7e00);
  });

  it.each([
    ['a file shorter than the length field', new Blob([new Uint8Array(3)]), 'model.truncated', '3 bytes'],
    ['a header longer than the file', fileOf('{}', undefined, 5000n), 'model.truncated', '5000'],
    ['a header of 2^63 bytes', fileOf('{}', undefined, 2n ** 63n), 'model.bad-header', '9223372036854775808'],
    ['a header that is no JSON', fileOf('{"a":'), 'model.bad-header', 'not JSON'],
    ['a header that is an array', fileOf('[]'), 'model.bad-header', 'not a JSON object'],
    [
      'data past the end of the file',
      fileOf(header({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }), new Uint8Array(4)),
      'model.truncated',
      'w ends at byte',
    ],
    [
      'overlapping arrays',
      fileOf(
        header({
          a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          b: { dtype: 'F16', shape: [1], data_offsets: [2, 4] },
        }),
        new Uint8Array(4),
      ),
      'model.bad-header',
      'b overlaps',
    ],
    [
      'a shape whose product overflows',
      fileOf(header({ w: { dtype: 'F32', shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] } })),
      'model.bad-header',
      'impossible shape',
    ],
    [
      'a negative size',
      fileOf(header({ w: { dtype: 'F32', shape: [-1], data_offsets: [0, 0] } })),
      'model.bad-header',
      'no valid shape',
    ],
    [
      'offsets that disagree with the shape',
      fileOf(header({ w: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }), new Uint8Array(8)),
      'model.bad-header',
      'need 12',
    ],
    [
      'offsets that run backwards',
      fileOf(header({ w: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }), new Uint8Array(4)),
      'model.bad-header',
      'data_offsets',
    ],
    [
      'a type that cannot be read',
      fileOf(header({ w: { dtype: 'I8', shape: [4], data_offsets: [0, 4] } }), new Uint8Array(4)),
      'model.unsupported',
      'I8',
    ],
  ])('safetensors: refuses %s', async (_, file, code, fact) => {
    const error = await failure(file);
    expect(error.code).toBe(code);
    expect(error.message).toContain(fact);
  });
});
