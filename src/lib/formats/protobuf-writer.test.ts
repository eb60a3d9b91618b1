import { describe, expect, it } from 'vitest';
import { ProtobufWriter, type Sized } from './protobuf-writer';

function bytesOf(write: (writer: ProtobufWriter<Sized>) => void): number[] {
  const writer = new ProtobufWriter<Sized>();
  write(writer);
  return writer.parts().flatMap((part) => (part instanceof Uint8Array ? [...part] : []));
}

const hex = (text: string): number[] => text.split(' ').map((byte) => parseInt(byte, 16));

// The examples of protobuf.dev/programming-guides/encoding.
describe('ProtobufWriter', () => {
  it.each<[string, (writer: ProtobufWriter<Sized>) => void, string]>([
    ['an integer', (w) => w.integer(1, 150), '08 96 01'],
    ['-2 as ten bytes', (w) => w.integer(1, -2), '08 fe ff ff ff ff ff ff ff ff 01'],
    ['the largest 64-bit integer', (w) => w.integer(1, 2n ** 63n - 1n), '08 ff ff ff ff ff ff ff ff 7f'],
    ['a field number past 15', (w) => w.integer(20, 1), 'a0 01 01'],
    ['text', (w) => w.text(2, 'testing'), '12 07 74 65 73 74 69 6e 67'],
    ['a message', (w) => w.message(3, (inner) => inner.integer(1, 150)), '1a 03 08 96 01'],
    ['packed integers', (w) => w.integers(6, [3, 270, 86942]), '32 06 03 8e 02 9e a7 05'],
    // 1.5 is 0x3fc00000.
    ['a float', (w) => w.float(2, 1.5), '15 00 00 c0 3f'],
    ['packed floats', (w) => w.floats(7, [1.5]), '3a 04 00 00 c0 3f'],
  ])('ProtobufWriter: %s', (_, write, expected) => {
    expect(bytesOf(write)).toEqual(hex(expected));
  });

  it('ProtobufWriter: bytes that come later count in the length of every message around them', () => {
    const later = { byteLength: 300 };
    const writer = new ProtobufWriter<Sized>();
    writer.message(1, (outer) => {
      outer.message(2, (inner) => inner.later(3, later));
      outer.integer(4, 1);
    });
    const parts = writer.parts();
    // inner: tag, two bytes of length, 300 bytes = 303 (0xaf 0x02); outer: three more and the integer = 308 (0xb4 0x02).
    expect(parts).toEqual([
      Uint8Array.from(hex('0a b4 02 12 af 02 1a ac 02')),
      later,
      Uint8Array.from(hex('20 01')),
    ]);
    expect(writer.byteLength).toBe(9 + 300 + 2);
  });
});
