import { describe, expect, it } from 'vitest';
import { readGgufHeader } from './gguf-header';
import { ggufFlag, ggufNumber, ggufNumbers, ggufText, ggufTexts } from './gguf-values';
import {
  join,
  rawGguf,
  rawKey,
  text,
  typeNumber,
  u32,
  u64,
  u8,
  type RawGguf,
  type RawTensor,
} from './testing/raw-gguf';

/** One tensor, with room for sixteen bytes of it. */
const one = (tensor: RawTensor): RawGguf => ({ tensors: [tensor], dataBytes: 16 });

async function failure(raw: RawGguf | Blob): Promise<{ code: unknown; message: string; remedy: unknown }> {
  const error = await readGgufHeader(raw instanceof Blob ? raw : rawGguf(raw)).then(
    () => null,
    (reason: unknown) => reason as Error & { code: string; remedy: string },
  );
  return { code: error?.code, message: error?.message ?? '', remedy: error?.remedy };
}

describe('gguf header', () => {
  it('gguf header: every type of value, alone and in arrays', async () => {
    const float = new Uint8Array(Float32Array.of(-1.5).buffer);
    const double = new Uint8Array(Float64Array.of(0.1).buffer);
    const { metadata, version } = await readGgufHeader(
      rawGguf({
        version: 2,
        keys: [
          rawKey('u8', 'uint8', u8(200)),
          rawKey('i8', 'int8', u8(200)),
          rawKey('u16', 'uint16', u8(255), u8(255)),
          rawKey('i16', 'int16', u8(255), u8(255)),
          rawKey('u32', 'uint32', u32(4_294_967_295)),
          rawKey('i32', 'int32', u32(4_294_967_295)),
          rawKey('f32', 'float32', float),
          rawKey('yes', 'bool', u8(1)),
          rawKey('text', 'string', text('año')),
          rawKey('u64', 'uint64', u64(2n ** 64n - 1n)),
          rawKey('i64', 'int64', u64(2n ** 64n - 1n)),
          rawKey('f64', 'float64', double),
          rawKey('texts', 'array', typeNumber('string'), u64(2), text('a'), text('')),
          rawKey('numbers', 'array', typeNumber('int32'), u64(2), u32(7), u32(4_294_967_294)),
          rawKey('bools', 'array', typeNumber('bool'), u64(2), u8(0), u8(1)),
          rawKey('bigs', 'array', typeNumber('uint64'), u64(1), u64(2n ** 60n)),
          rawKey('nested', 'array', typeNumber('array'), u64(1), u32(0), u64(2), u8(1), u8(2)),
        ],
      }),
    );
    expect(version).toBe(2);
    expect(
      Object.fromEntries([...metadata].map(([name, { type, ...rest }]) => [name, [type, rest]])),
    ).toEqual({
      u8: ['uint8', { value: 200 }],
      i8: ['int8', { value: -56 }],
      u16: ['uint16', { value: 65_535 }],
      i16: ['int16', { value: -1 }],
      u32: ['uint32', { value: 4_294_967_295 }],
      i32: ['int32', { value: -1 }],
      f32: ['float32', { value: -1.5 }],
      yes: ['bool', { value: true }],
      text: ['string', { value: 'año' }],
      u64: ['uint64', { value: 2n ** 64n - 1n }],
      i64: ['int64', { value: -1n }],
      f64: ['float64', { value: 0.1 }],
      texts: ['array', { of: 'string', values: ['a', ''] }],
      numbers: ['array', { of: 'int32', values: [7, -2] }],
      bools: ['array', { of: 'bool', values: [false, true] }],
      bigs: ['array', { of: 'uint64', values: [2n ** 60n] }],
      nested: ['array', { of: 'array', values: [{ type: 'array', of: 'uint8', values: [1, 2] }] }],
    });
    expect([ggufNumber(metadata, 'u8'), ggufNumber(metadata, 'none')]).toEqual([200, null]);
    expect(() => ggufNumber(metadata, 'u64')).toThrow('u64 is of type uint64');
    expect([ggufText(metadata, 'text'), ggufFlag(metadata, 'yes')]).toEqual(['año', true]);
    expect(ggufTexts(metadata, 'texts')).toEqual(['a', '']);
    expect(() => ggufNumbers(metadata, 'bigs')).toThrow('expected an array of numbers');
  });

  it('gguf header: tensors in any order, with shapes outermost first and places in the file', async () => {
    const file = rawGguf({
      keys: [rawKey('general.alignment', 'uint32', u32(64))],
      tensors: [
        { name: 'second', sizes: [4], offset: 64 },
        { name: 'first', sizes: [3, 2], offset: 0 },
      ],
      dataBytes: 128,
    });
    const { tensors, alignment, dataStart } = await readGgufHeader(file);
    expect(alignment).toBe(64);
    expect(dataStart % 64).toBe(0);
    expect(tensors.get('first')).toEqual({
      type: 'F32',
      shape: [2, 3],
      begin: dataStart,
      end: dataStart + 24,
    });
    expect(tensors.get('second')?.begin).toBe(dataStart + 64);
  });

  it('gguf header: a vocabulary longer than the reading window comes through whole', async () => {
    const tokens = Array.from({ length: 60_000 }, (_, i) => `token number ${i} ▁`);
    const file = rawGguf({
      keys: [
        rawKey('tokens', 'array', typeNumber('string'), u64(tokens.length), ...tokens.map((t) => text(t))),
      ],
    });
    expect(file.size).toBeGreaterThan(1 << 20);
    expect(ggufTexts((await readGgufHeader(file)).metadata, 'tokens')).toEqual(tokens);
  });

  it('gguf header: only the header is read, however long the file', async () => {
    const file = rawGguf({ tensors: [{ sizes: [1 << 21] }], dataBytes: 1 << 23 });
    let read = 0;
    const slice = file.slice.bind(file);
    file.slice = (start = 0, end = file.size) => {
      read += end - start;
      return slice(start, end);
    };
    await readGgufHeader(file);
    expect(read).toBeLessThanOrEqual(1 << 20);
  });

  const hostile: [what: string, file: RawGguf | Blob, code: string, message: string][] = [
    ['a file of three bytes', new Blob([new Uint8Array(3)]), 'model.truncated', '3 bytes'],
    ['another magic number', { magic: 0x04034b50 }, 'model.bad-header', '0x04034b50'],
    ['version 1', { version: 1 }, 'model.unsupported', 'version 1'],
    ['big-endian numbers', { version: 0x03000000 }, 'model.unsupported', 'big-endian'],
    ['2^63 tensors', { tensorCount: 2n ** 63n }, 'model.bad-header', '9223372036854775808'],
    ['2^60 keys', { keyCount: 2n ** 60n }, 'model.bad-header', '1152921504606846976'],
    ['more keys than bytes', { keyCount: 1000n }, 'model.truncated', '1000 keys'],
    ['more tensors than bytes', { tensorCount: 1000n }, 'model.truncated', '1000 tensors'],
    [
      'a key of 2^62 bytes',
      { keys: [join([text('k', 2n ** 62n), u32(4), u32(1)])] },
      'model.bad-header',
      '4611686018427387904',
    ],
    [
      'a key longer than the file',
      { keys: [text('k'.repeat(9), 900n)] },
      'model.truncated',
      'metadata key 0',
    ],
    [
      'a key that is no UTF-8',
      { keys: [join([u64(1), u8(255), u32(4), u32(1)])] },
      'model.bad-header',
      'metadata key 0 is not UTF-8',
    ],
    [
      'a string beyond the most a header may take',
      { keys: [join([text('k'), u32(8), u64(99_999_999)])] },
      'model.bad-header',
      '100000000',
    ],
    [
      'a value of no known type',
      { keys: [join([text('k'), u32(13), u32(1)])] },
      'model.bad-header',
      'value type 13',
    ],
    ['a bool that is 2', { keys: [rawKey('k', 'bool', u8(2))] }, 'model.bad-header', 'value 2'],
    [
      'a key twice',
      { keys: [rawKey('k', 'uint32', u32(1)), rawKey('k', 'uint32', u32(2))] },
      'model.bad-header',
      'k is there twice',
    ],
    [
      'an array of 2^61 elements',
      { keys: [rawKey('k', 'array', typeNumber('uint8'), u64(2n ** 61n))] },
      'model.bad-header',
      '2305843009213693952',
    ],
    [
      'an array longer than the file',
      { keys: [rawKey('k', 'array', typeNumber('uint32'), u64(500))] },
      'model.truncated',
      '500 elements',
    ],
    [
      'arrays without end within arrays',
      { keys: [rawKey('k', 'array', ...Array.from({ length: 9 }, () => join([u32(9), u64(1)])))] },
      'model.bad-header',
      'deeper than 4',
    ],
    [
      'a value cut short',
      { keys: [rawKey('long enough', 'uint64', u32(1))] },
      'model.truncated',
      'long enough needs 8',
    ],
    [
      'an alignment that is no power of two',
      { keys: [rawKey('general.alignment', 'uint32', u32(48))] },
      'model.bad-header',
      'is 48',
    ],
    [
      'an alignment of zero',
      { keys: [rawKey('general.alignment', 'uint32', u32(0))] },
      'model.bad-header',
      'is 0',
    ],
    [
      'an alignment in words',
      { keys: [rawKey('general.alignment', 'string', text('32'))] },
      'model.bad-header',
      'string',
    ],
    ['no dimensions', one({ sizes: [], name: 'long tensor name' }), 'model.bad-header', '0 dimensions'],
    ['2^31 dimensions', one({ dimensions: 2 ** 31 }), 'model.bad-header', '2147483648 dimensions'],
    ['a dimension of zero', one({ sizes: [4, 0] }), 'model.bad-header', 'empty shape [4, 0]'],
    ['a dimension of 2^63', one({ sizes: [2n ** 63n] }), 'model.bad-header', '9223372036854775808'],
    [
      'dimensions whose product overflows to a small number',
      one({ sizes: [2n ** 32n, 2n ** 32n, 4] }),
      'model.bad-header',
      'impossible shape',
    ],
    ['a type that is known and not read', one({ type: 10, sizes: [256] }), 'model.unsupported', 'Q2_K'],
    ['a type that nobody knows', one({ type: 77 }), 'model.unsupported', 'unknown type 77'],
    ['a row that cuts a block', one({ type: 8, sizes: [33] }), 'model.bad-header', 'multiple of 32'],
    ['an offset out of line', one({ offset: 8 }), 'model.bad-header', 'multiple of 32'],
    ['an offset of 2^63', one({ offset: 2n ** 63n }), 'model.bad-header', '9223372036854775808'],
    ['an offset near 2^53', one({ offset: 2n ** 53n - 32n }), 'model.bad-header', 'beyond 2^53'],
    ['data past the end of the file', one({ sizes: [5] }), 'model.truncated', 't ends at byte'],
    ['an offset past the end of the file', one({ offset: 64 }), 'model.truncated', 't ends at byte'],
    ['a name of 65 bytes', one({ name: 'n'.repeat(65) }), 'model.bad-header', 'at most 64'],
    [
      'a tensor twice',
      { tensors: [{}, { offset: 32 }], dataBytes: 64 },
      'model.bad-header',
      't is there twice',
    ],
    [
      'tensors that overlap',
      {
        tensors: [
          { name: 'a', sizes: [9] },
          { name: 'b', offset: 32 },
        ],
        dataBytes: 64,
      },
      'model.bad-header',
      'b overlaps a',
    ],
  ];
  it.each(hostile)('gguf header: refuses %s', async (_, file, code, message) => {
    const error = await failure(file);
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
    expect(error.remedy).toMatch(/\.$/);
  });

  it('gguf header: a sound file cut at any byte is told as cut', async () => {
    const whole = rawGguf({
      keys: [
        rawKey('name', 'string', text('x')),
        rawKey('list', 'array', typeNumber('uint32'), u64(2), u32(1), u32(2)),
      ],
      tensors: [{ name: 'w', sizes: [32, 2], type: 8 }],
      dataBytes: 68,
    });
    await readGgufHeader(whole);
    const codes = new Set<unknown>();
    for (let size = 0; size < whole.size; size += 1) codes.add((await failure(whole.slice(0, size))).code);
    expect([...codes]).toEqual(['model.truncated']);
  });
});
