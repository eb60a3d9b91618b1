// Beginnings of picture files for tests: headers that say how large a picture is, without any.

/** A PNG as far as its header. @param more chunks by name behind it. */
export function pngHeader(width: number, height: number, ...more: string[]): Uint8Array<ArrayBuffer> {
  const chunk = (name: string, data: readonly number[]): number[] => [
    ...word(data.length),
    ...ascii(name),
    ...data,
    ...word(0),
  ];
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10],
    ...chunk('IHDR', [...word(width), ...word(height), 8, 6, 0, 0, 0]),
    ...more.flatMap((name) => chunk(name, [])),
    ...chunk('IDAT', []),
  ]);
}

/** A GIF of so many empty frames. */
export function gifOf(width: number, height: number, frames: number): Uint8Array<ArrayBuffer> {
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  const frame = [0x2c, 0, 0, 0, 0, ...size, 0, 2, 1, 0x44, 0];
  const control = [0x21, 0xf9, 4, 0, 0, 0, 0, 0];
  const blocks = Array.from({ length: frames }, () => [...control, ...frame]).flat();
  return Uint8Array.from([...ascii('GIF89a'), ...size, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, ...blocks, 0x3b]);
}

/** An extended WebP as far as its header. */
export function webpHeader(width: number, height: number, animated: boolean): Uint8Array<ArrayBuffer> {
  const less = (value: number): number[] => [(value - 1) & 255, ((value - 1) >> 8) & 255, (value - 1) >> 16];
  return Uint8Array.from([
    ...ascii('RIFF'),
    ...[22, 0, 0, 0],
    ...ascii('WEBPVP8X'),
    ...[10, 0, 0, 0, animated ? 2 : 0, 0, 0, 0],
    ...less(width),
    ...less(height),
  ]);
}

/** A JPEG as far as its frame header, with an orientation in its EXIF data. */
export function jpegHeader(width: number, height: number, orientation: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...exifSegment(orientation),
    ...[0xff, 0xc0, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0],
    ...[0xff, 0xd9],
  ]);
}

/** The APP1 segment that says how a picture lies: 6 is on its right side. */
export function exifSegment(orientation: number): number[] {
  const tiff = [
    ...ascii('MM'),
    ...[0, 42, 0, 0, 0, 8, 0, 1],
    ...[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0],
    ...[0, 0, 0, 0],
  ];
  const content = [...ascii('Exif'), 0, 0, ...tiff];
  const length = content.length + 2;
  return [0xff, 0xe1, length >> 8, length & 255, ...content];
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const word = (value: number): number[] => [
  value >>> 24,
  (value >> 16) & 255,
  (value >> 8) & 255,
  value & 255,
];
