import { describe, expect, it } from 'vitest';
import { gifOf, jpegHeader, pngHeader, webpHeader } from '../testing/picture-bytes';
import { readPictureHeader } from './picture-header';

const size = (width: number, height: number) => ({ width, height });

describe('header of a picture', () => {
  it.each([
    ['png', pngHeader(30, 20), { type: 'image/png', size: size(30, 20) }],
    ['gif', gifOf(30, 20, 1), { type: 'image/gif', size: size(30, 20) }],
    ['webp', webpHeader(300, 20, false), { type: 'image/webp', size: size(300, 20) }],
    ['jpeg', jpegHeader(30, 20, 1), { type: 'image/jpeg', size: size(30, 20) }],
    ['jpeg on its side', jpegHeader(30, 20, 6), { type: 'image/jpeg', size: size(20, 30) }],
    ['jpeg upside down', jpegHeader(30, 20, 3), { type: 'image/jpeg', size: size(30, 20) }],
  ])('%s: its type and its upright size', (_, bytes, header) => {
    expect(readPictureHeader(bytes)).toEqual({ header });
  });

  it.each([
    ['nothing', new Uint8Array(0), /0 bytes/],
    ['a text', new TextEncoder().encode('This is no picture, whatever it is called.'), /no picture/],
    ['a picture that is cut off', pngHeader(30, 20).slice(0, 12), /no picture/],
    ['a picture without an area', pngHeader(0, 20), /no area: 0 x 20/],
    ['a picture that unpacks into gigabytes', pngHeader(60_000, 60_000), /too large .*60000 x 60000/],
    ['a GIF of several frames', gifOf(3, 2, 2), /animated/],
    ['a PNG that moves', pngHeader(3, 2, 'acTL'), /animated/],
    ['a WebP that moves', webpHeader(3, 2, true), /animated/],
    [
      'an icon',
      Uint8Array.from([0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 22, 0, 0, 0]),
      /no picture/,
    ],
  ])('%s cannot be used', (_, bytes, why) => {
    const look = readPictureHeader(bytes);
    expect('broken' in look ? look.broken : null).toMatch(why);
  });

  it('a GIF with comments between its frames: they are no frames', () => {
    const bytes = [...gifOf(3, 2, 1).slice(0, -1), 0x21, 0xfe, 2, 65, 66, 0, 0x3b];
    expect(readPictureHeader(Uint8Array.from(bytes))).toHaveProperty('header');
  });
});
