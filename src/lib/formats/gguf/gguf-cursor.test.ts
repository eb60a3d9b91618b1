import { describe, expect, it } from 'vitest';
import { GgufCursor } from './gguf-cursor';
import { join, text, u64 } from './testing/raw-gguf';

const long = 'a long one '.repeat(20);

async function opened(...fields: Uint8Array<ArrayBuffer>[]): Promise<GgufCursor> {
  const file = new Blob([join(fields)]);
  const cursor = new GgufCursor(file);
  await cursor.fill(file.size, 'all of it');
  return cursor;
}

describe('GgufCursor', () => {
  it('strings in the window: whatever their characters take in UTF-8, and however long', async () => {
    const strings = ['', 'plain', 'Ġthe', 'é\u07ff', '漢字', '🜂', '\ufefffront', long];
    const cursor = await opened(...strings.map((value) => text(value)));
    for (const value of strings) expect(cursor.stringHere()).toBe(value);
  });

  it('strings that are no UTF-8: left where they are, for whoever names them', async () => {
    const wrong = [[0xc1, 0x81], [0x41, 0xc4], [0xc4, 0x41], [0x80], [0xe0, 0x80, 0x80], [0xff]];
    for (const bytes of wrong) {
      const cursor = await opened(u64(bytes.length), Uint8Array.from(bytes));
      expect(cursor.stringHere()).toBeNull();
      expect(cursor.position).toBe(0);
      await expect(cursor.string('a token')).rejects.toThrow('a token is not UTF-8 text');
    }
  });
});
