import { describe, expect, it } from 'vitest';
import { SharedBlocks } from './shared-blocks';

const tokens = (first: number): number[] => Array.from({ length: 32 }, (_, i) => first + i);

function setUp() {
  const returned: number[] = [];
  const blocks = new SharedBlocks({ release: (pages) => returned.push(...pages) });
  return { blocks, returned };
}

describe('SharedBlocks', () => {
  it('take: finds what was shared after the same block, and nothing else', () => {
    const { blocks } = setUp();
    const first = blocks.share(null, tokens(0), 4);
    const second = blocks.share(first, tokens(0), 7);
    expect(blocks.take(null, tokens(0))?.page).toBe(4);
    expect(blocks.take(first, tokens(0))).toBe(second);
    expect(blocks.take(second, tokens(0))).toBeNull();
    expect(blocks.take(null, tokens(1))).toBeNull();
  });

  it('share: the same tokens twice are one page, the other is given back', () => {
    const { blocks, returned } = setUp();
    const mine = blocks.share(null, tokens(0), 4);
    expect(blocks.share(null, tokens(0), 9)).toBe(mine);
    expect([mine.users, returned]).toEqual([2, [9]]);
  });

  it('release: the page is free when its last user leaves, not before', () => {
    const { blocks, returned } = setUp();
    const block = blocks.share(null, tokens(0), 4);
    blocks.take(null, tokens(0));
    blocks.release(block);
    expect(returned).toEqual([]);
    blocks.release(block);
    expect([returned, blocks.size]).toEqual([[4], 0]);
  });

  it('takeBack: only from a single user, who then owns the page', () => {
    const { blocks, returned } = setUp();
    const block = blocks.share(null, tokens(0), 4);
    blocks.take(null, tokens(0));
    expect(blocks.takeBack(block)).toBe(false);
    blocks.release(block);
    expect(blocks.takeBack(block)).toBe(true);
    expect([returned, blocks.take(null, tokens(0))]).toEqual([[], null]);
  });

  it('a block freed and shared anew: what followed the old one is not found', () => {
    const { blocks } = setUp();
    const old = blocks.share(null, tokens(0), 4);
    const after = blocks.share(old, tokens(5), 5);
    blocks.release(old);
    const fresh = blocks.share(null, tokens(0), 6);
    expect(blocks.take(fresh, tokens(5))).toBeNull();
    expect(after.users).toBe(1);
  });

  it('tokens that do not fill a page: an error', () => {
    const { blocks } = setUp();
    expect(() => blocks.take(null, [1, 2])).toThrow(/32 tokens; 2 were given/);
  });
});
