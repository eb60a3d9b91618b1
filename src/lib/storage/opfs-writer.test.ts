import { describe, expect, it } from 'vitest';
import { writeWhole } from './opfs-writer';
import { isQuotaError } from './quota';

const handle = (written: number) => ({ write: () => written });

describe('writeWhole', () => {
  it('writeWhole: all bytes taken, and how many', () => {
    expect(writeWhole(handle(5), new Uint8Array(5), 0)).toBe(5);
    expect(writeWhole(handle(0), new Uint8Array(0), 9)).toBe(0);
  });

  it.each([
    ['a short write', 3],
    ['nothing written', 0],
    ["an error's number without its sign", 4_294_967_288],
  ])('writeWhole: %s is a full disk', (_, written) => {
    let error: unknown = null;
    try {
      writeWhole(handle(written), new Uint8Array(5), 0);
    } catch (thrown) {
      error = thrown;
    }
    expect(isQuotaError(error)).toBe(true);
  });
});
