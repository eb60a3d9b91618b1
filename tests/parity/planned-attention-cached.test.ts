import { describe, expect, it } from 'vitest';
import {
  cachedAttention,
  NO_POSITION,
  PAGE_TOKENS,
  turnedAttention,
  writeKeyValue,
  type CacheShape,
} from '../../src/engine/planned/kernels/decode-attention';
import { rope } from '../../src/engine/planned/kernels/rope';
import { relativeError } from '../../src/engine/reference/compare';
import { draws, run } from './planned-fixture';

const SHAPE: CacheShape = { tokens: 3, maxPages: 4, heads: 4, kvHeads: 2, headSize: 8 };

const widthOf = ({ heads, kvHeads, headSize }: CacheShape): number => (heads + 2 * kvHeads) * headSize;

/** A sequence's whole projection [length, width]; its tokens arrive in pieces. */
type History = Float32Array<ArrayBuffer>;

/** Attention of the token at `position` over its history in 64 bits: [heads * headSize]. */
function reference(history: History, position: number, shape: CacheShape): Float64Array {
  const { heads, kvHeads, headSize, window } = shape;
  const width = widthOf(shape);
  const output = new Float64Array(heads * headSize);
  const first = typeof window === 'number' ? Math.max(0, position + 1 - window) : 0;
  for (let head = 0; head < heads; head += 1) {
    const key = (heads + Math.floor((head * kvHeads) / heads)) * headSize;
    const scores: number[] = [];
    for (let at = first; at <= position; at += 1) {
      let score = 0;
      for (let d = 0; d < headSize; d += 1) {
        score +=
          (history[position * width + head * headSize + d] ?? NaN) * (history[at * width + key + d] ?? NaN);
      }
      scores.push(Math.exp(score / Math.sqrt(headSize)));
    }
    const total = scores.reduce((sum, score) => sum + score, 0);
    scores.forEach((score, n) => {
      const value = (first + n) * width + key + kvHeads * headSize;
      for (let d = 0; d < headSize; d += 1) {
        output[head * headSize + d] =
          (output[head * headSize + d] ?? NaN) + (score / total) * (history[value + d] ?? NaN);
      }
    });
  }
  return output;
}

interface NewToken {
  sequence: number;
  /** null: padding of the batch. */
  position: number | null;
}

/** Stores everything before the new tokens in a first piece, then the new tokens, and attends with these. */
async function attended(
  histories: History[],
  tokens: NewToken[],
  shape: CacheShape,
  named: boolean,
): Promise<Float32Array> {
  const width = widthOf(shape);
  const pages = histories.length * shape.maxPages;
  // Pages of the sequences lie in the pool in reverse and interleaved.
  const pageTable = Uint32Array.from(
    { length: pages },
    (_, n) => pages - 1 - ((n % shape.maxPages) * histories.length + Math.floor(n / shape.maxPages)),
  );
  const before: NewToken[] = tokens.flatMap(({ sequence, position }, index) =>
    tokens.findIndex((token) => token.sequence === sequence) === index
      ? Array.from({ length: position ?? 0 }, (_, at) => ({ sequence, position: at }))
      : [],
  );
  const { output } = await run(({ tape, input }) => {
    const pool = [pages, shape.kvHeads, PAGE_TOKENS, shape.headSize];
    const size = pool.reduce((product, n) => product * n, 1);
    // What was never written must not be read: NaN would show.
    const keys = input('keys', pool, new Float32Array(size).fill(NaN));
    const values = input('values', pool, new Float32Array(size).fill(NaN));
    const table = input('page table', [histories.length, shape.maxPages], pageTable);
    const operands = (name: string, list: NewToken[], sequences: boolean) => ({
      qkv: input(
        `${name} qkv`,
        [list.length, width],
        Float32Array.from({ length: list.length * width }, (_, n) => {
          const token = list[Math.floor(n / width)];
          return histories[token?.sequence ?? 0]?.[(token?.position ?? 0) * width + (n % width)] ?? NaN;
        }),
      ),
      keys,
      values,
      pageTable: table,
      positions: input(
        `${name} positions`,
        [list.length],
        Uint32Array.from(list, ({ position }) => position ?? NO_POSITION),
      ),
      sequences: sequences
        ? input(
            `${name} sequences`,
            [list.length],
            Uint32Array.from(list, ({ sequence }) => sequence),
          )
        : null,
    });
    if (before.length > 0) {
      writeKeyValue(tape.recorder, operands('before', before, true), { ...shape, tokens: before.length });
    }
    const now = operands('new', tokens, named);
    writeKeyValue(tape.recorder, now, { ...shape, tokens: tokens.length });
    return { output: cachedAttention(tape.recorder, now, { ...shape, tokens: tokens.length }) };
  });
  return output ?? new Float32Array();
}

function expectedOf(histories: History[], tokens: NewToken[], shape: CacheShape): Float64Array {
  const rows = tokens.map(({ sequence, position }) =>
    position === null
      ? new Float64Array(shape.heads * shape.headSize)
      : reference(histories[sequence] ?? new Float32Array(), position, shape),
  );
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

const historiesOf = (count: number, shape: CacheShape): History[] =>
  Array.from({ length: count }, () => draws(shape.maxPages * PAGE_TOKENS * widthOf(shape)));

describe('cachedAttention', () => {
  const shapes: [string, CacheShape][] = [
    ['groups of two', SHAPE],
    ['a window', { ...SHAPE, window: 40 }],
    ['head size 6, three heads per key head', { ...SHAPE, heads: 3, kvHeads: 1, headSize: 6 }],
    ['head size 64, no groups', { ...SHAPE, heads: 2, headSize: 64 }],
  ];
  it.each(shapes)('decoding, %s: the reference, whatever the lengths', async (_, shape) => {
    const histories = historiesOf(3, shape);
    const tokens = [0, 45, 127].map((position, sequence) => ({ sequence, position }));
    const output = await attended(histories, tokens, shape, false);
    expect(relativeError(output, expectedOf(histories, tokens, shape))).toBeLessThan(1e-5);
  });

  it('a long cache in parts: the reference', async () => {
    const shape = { ...SHAPE, maxPages: 32 };
    const histories = historiesOf(2, shape);
    const tokens = [7, 900].map((position, sequence) => ({ sequence, position }));
    const output = await attended(histories, tokens, shape, true);
    expect(relativeError(output, expectedOf(histories, tokens, shape))).toBeLessThan(1e-5);
  });

  it('prefill in pieces: every token sees the cache and the piece up to itself', async () => {
    const histories = historiesOf(2, SHAPE);
    const tokens = Array.from({ length: 40 }, (_, n) => ({ sequence: 1, position: 30 + n }));
    const output = await attended(histories, tokens, SHAPE, true);
    expect(relativeError(output, expectedOf(histories, tokens, SHAPE))).toBeLessThan(1e-5);
  });

  it('many tokens, few pieces: the same numbers', async () => {
    const shape = { ...SHAPE, maxPages: 2, heads: 8, kvHeads: 8 };
    const histories = historiesOf(5, shape);
    const tokens = histories.flatMap((_, sequence) =>
      Array.from({ length: 60 }, (_, position) => ({ sequence, position })),
    );
    const output = await attended(histories, tokens, shape, true);
    expect(relativeError(output, expectedOf(histories, tokens, shape))).toBeLessThan(1e-5);
  });

  it('padding of the batch: stores nothing, gives 0', async () => {
    const histories = historiesOf(3, SHAPE);
    const tokens = [
      { sequence: 0, position: 33 },
      { sequence: 1, position: null },
      { sequence: 2, position: 5 },
    ];
    const output = await attended(histories, tokens, SHAPE, false);
    expect(relativeError(output, expectedOf(histories, tokens, SHAPE))).toBeLessThan(1e-5);
  });

  it.each([
    { ...SHAPE, tokens: 3 },
    { ...SHAPE, tokens: 3, maxPages: 32, heads: 3, kvHeads: 1, headSize: 16, window: 40 },
  ])(
    'a token of each sequence, $heads/$kvHeads heads of $headSize: rotated, stored and attended to in one',
    async (shape) => {
      const { kvHeads, headSize, maxPages } = shape;
      const half = headSize / 2;
      const width = widthOf(shape);
      const positions = Uint32Array.of(70, NO_POSITION, 31);
      const pool = [3 * maxPages, kvHeads, PAGE_TOKENS, headSize];
      const cache = () => draws(pool.reduce((product, n) => product * n, 1));
      const [keyCache, valueCache, projection] = [cache(), cache(), draws(3 * width)];
      const [cosine, sine] = [draws(maxPages * PAGE_TOKENS * half), draws(maxPages * PAGE_TOKENS * half)];
      const table = Uint32Array.from({ length: 3 * maxPages }, (_, n) => 3 * maxPages - 1 - n);
      const attendedBy = (fused: boolean) =>
        run(({ tape, input }) => {
          const tables = {
            cosine: input('cosine', [cosine.length], cosine),
            sine: input('sine', [sine.length], sine),
          };
          const operands = {
            qkv: input('qkv', [3, width], projection),
            keys: input('keys', pool, keyCache),
            values: input('values', pool, valueCache),
            pageTable: input('page table', [3, maxPages], table),
            positions: input('positions', [3], positions),
            sequences: null,
          };
          const { keys, values } = operands;
          if (fused) return { output: turnedAttention(tape.recorder, operands, shape, tables), keys, values };
          writeKeyValue(tape.recorder, operands, shape, tables);
          return { output: cachedAttention(tape.recorder, operands, shape), keys, values };
        });
      const [separate, fused] = [await attendedBy(false), await attendedBy(true)];
      for (const name of ['output', 'keys', 'values']) {
        expect(relativeError(fused[name] ?? [], separate[name] ?? [])).toBeLessThan(1e-6);
      }
      expect(relativeError(fused.keys ?? [], keyCache)).toBeGreaterThan(1e-3);
    },
  );

  it('control: one position too few is seen', async () => {
    const histories = historiesOf(1, SHAPE);
    const output = await attended(histories, [{ sequence: 0, position: 70 }], SHAPE, false);
    const wrong = expectedOf(histories, [{ sequence: 0, position: 70 }], { ...SHAPE, window: 70 });
    expect(relativeError(output, wrong)).toBeGreaterThan(1e-4);
  });
});

describe('writeKeyValue', () => {
  const shapes: CacheShape[] = [SHAPE, { ...SHAPE, heads: 3, kvHeads: 1, headSize: 6 }];
  it.each(shapes)('$heads/$kvHeads heads of $headSize turned on the way: as after rope', async (shape) => {
    const { tokens, kvHeads, headSize, maxPages } = shape;
    const half = headSize / 2;
    const size = [tokens, widthOf(shape)];
    const projection = draws(tokens * widthOf(shape));
    const [cosine, sine] = [draws(maxPages * PAGE_TOKENS * half), draws(maxPages * PAGE_TOKENS * half)];
    const pool = [2, kvHeads, PAGE_TOKENS, headSize];
    const empty = () => new Float32Array(pool.reduce((product, n) => product * n, 1));
    const stored = (fused: boolean) =>
      run(({ tape, input }) => {
        const tables = {
          cosine: input('cosine', [cosine.length], cosine),
          sine: input('sine', [sine.length], sine),
        };
        const positions = input('positions', [tokens], Uint32Array.of(3, 40, 17));
        const qkv = input('qkv', size, projection);
        const [keys, values] = [input('keys', pool, empty()), input('values', pool, empty())];
        const pageTable = input('page table', [1, maxPages], Uint32Array.of(1, 0, 0, 0));
        const sequences = input('sequences', [tokens], new Uint32Array(tokens));
        const operands = { qkv, keys, values, pageTable, positions, sequences };
        if (!fused) rope(tape, qkv, tables, positions, shape);
        writeKeyValue(tape.recorder, operands, shape, fused ? tables : null);
        return { qkv, keys, values };
      });
    const [separate, fused] = [await stored(false), await stored(true)];
    expect(relativeError(fused.keys ?? [], separate.keys ?? [])).toBeLessThan(1e-6);
    expect(fused.values).toEqual(separate.values);
    const queries = ({ qkv }: typeof fused) =>
      Array.from(qkv ?? []).filter((_, n) => n % widthOf(shape) < shape.heads * headSize);
    expect(relativeError(queries(fused), queries(separate))).toBeLessThan(1e-6);
    expect(relativeError(queries(fused), queries({ qkv: projection }))).toBeGreaterThan(0.1);
  });
});
