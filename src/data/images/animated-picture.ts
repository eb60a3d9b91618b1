// Whether a picture has several frames, by the marks that its format has for it. Pure; a file that is cut off has as many as
// are in it.

/** @param type media type. */
export function isAnimated(bytes: Uint8Array, type: string): boolean {
  switch (type) {
    case 'image/gif':
      return gifFrames(bytes) > 1;
    case 'image/png':
      return hasPngChunk(bytes, 'acTL');
    case 'image/webp':
      // The extended header has a flag for it.
      return ascii(bytes, 12, 4) === 'VP8X' && ((bytes[20] ?? 0) & 2) !== 0;
    case 'image/avif':
      return ascii(bytes, 8, 4) === 'avis';
    default:
      return false;
  }
}

/** Frames up to the second one. */
function gifFrames(bytes: Uint8Array): number {
  let at = 13 + colourTable(bytes[10]);
  let frames = 0;
  while (at < bytes.length && frames < 2) {
    const block = bytes[at];
    if (block === 0x21) at = afterBlocks(bytes, at + 2);
    else if (block === 0x2c) {
      frames += 1;
      at = afterBlocks(bytes, at + 11 + colourTable(bytes[at + 9]));
    } else break;
  }
  return frames;
}

/** Bytes of the colour table that packed flags announce. */
function colourTable(flags = 0): number {
  return (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1);
}

/** Behind a row of sub-blocks, each with its length in front; one of length 0 ends it. */
function afterBlocks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== 0) at += (bytes[at] ?? 0) + 1;
  return at + 1;
}

/** Before the first pixels: where an animation announces itself. */
function hasPngChunk(bytes: Uint8Array, name: string): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const chunk = ascii(bytes, at + 4, 4);
    if (chunk === name) return true;
    if (chunk === 'IDAT') return false;
  }
  return false;
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
