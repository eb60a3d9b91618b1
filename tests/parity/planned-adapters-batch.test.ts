// Sequences of different adapters in one batch: each gets what its adapter gives alone, from one replay for all.
import { describe, expect, it, vi } from 'vitest';
import { frozen } from '../../src/engine/planned/parameter';
import { addStackedLora, NO_ADAPTER } from '../../src/engine/planned/kernels/stacked-lora';
import { relativeError } from '../../src/engine/reference/compare';
import { Random } from '../../src/lib/random';
import type { FileArray } from '../../src/models/file-layout';
import { adapterShapes } from '../../src/models/decoder/decoder-names';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { SELF_TEST_CONFIG, selfTestWeights } from '../../src/models/self-test';
import type { LoraConfig } from '../../src/protocol/models';
import { draws, planDevice, run } from './planned-fixture';

const CONFIG = { ...SELF_TEST_CONFIG, headSize: 8, contextLength: 128 };
const LORAS: LoraConfig[] = [
  { rank: 2, alpha: 4, dropout: 0, targets: ['q', 'v'] },
  { rank: 12, alpha: 6, dropout: 0, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] },
  { rank: 3, alpha: 9, dropout: 0, targets: ['k', 'up', 'down'], useRslora: true },
];
const DORA: LoraConfig = { rank: 2, alpha: 4, dropout: 0, targets: ['q', 'down'], useDora: true };
const prompt = Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);

function arraysOf(lora: LoraConfig, seed: number): Map<string, FileArray> {
  const random = new Random(seed);
  return new Map(
    [...adapterShapes(CONFIG, lora)].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: Float32Array.from({ length: size }, () => 0.3 * random.normal()) }];
    }),
  );
}

async function open(): Promise<PlannedRuntime> {
  const weights = selfTestWeights(CONFIG, false);
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  return PlannedRuntime.load(await planDevice(), CONFIG, read, 2 ** 30);
}

describe('adapters in one batch', () => {
  it('three adapters and the base: the logits of each alone, in one submit', async () => {
    const runtime = await open();
    const adapters = await Promise.all(
      LORAS.map((lora, i) => runtime.createAdapter(lora, arraysOf(lora, i))),
    );
    const all = [null, ...adapters];
    const expected: Float32Array[] = [];
    for (const [i, adapter] of all.entries()) {
      // A piece of several tokens is read with the weights of its adapter only.
      const alone = runtime.createSession(adapter);
      expected.push(await alone.feed([...prompt, i, 5, 6]));
      alone.dispose();
    }
    const sessions = all.map((adapter) => runtime.createSession(adapter));
    for (const session of sessions) await session.feed(prompt);
    await Promise.all(sessions.map((session, i) => session.feed([i])));
    await Promise.all(sessions.map((session) => session.feed([5])));
    const { device } = await planDevice();
    const submit = vi.spyOn(device.queue, 'submit');
    const logits = await Promise.all(sessions.map((session) => session.feed([6])));
    const submits = submit.mock.calls.length;
    submit.mockRestore();
    expect(submits).toBe(1);
    logits.forEach((each, i) => expect(relativeError(each, expected[i] ?? [])).toBeLessThan(1e-4));
    expect(relativeError(logits[1] ?? [], expected[0] ?? [])).toBeGreaterThan(1e-3);
    for (const part of [...sessions, ...adapters, runtime]) part.dispose();
  });

  it('adapters that come and go while others write: slots are taken again', async () => {
    const runtime = await open();
    const adapters = await Promise.all(
      LORAS.map((lora, i) => runtime.createAdapter(lora, arraysOf(lora, i))),
    );
    const alone = async (index: number, ids: readonly number[]): Promise<Float32Array> => {
      const session = runtime.createSession(adapters[index] ?? null);
      const logits = await session.feed(ids);
      session.dispose();
      return logits;
    };
    const first = runtime.createSession(adapters[0] ?? null);
    await first.feed(prompt);
    await first.feed([1]);
    const second = runtime.createSession(adapters[2] ?? null);
    await second.feed(prompt);
    await Promise.all([first.feed([2]), second.feed([2])]);
    first.dispose();
    const third = runtime.createSession(adapters[1] ?? null);
    await third.feed(prompt);
    const [a, b] = await Promise.all([second.feed([3]), third.feed([3])]);
    expect(relativeError(a, await alone(2, [...prompt, 2, 3]))).toBeLessThan(1e-4);
    expect(relativeError(b, await alone(1, [...prompt, 3]))).toBeLessThan(1e-4);
    for (const part of [second, third, ...adapters, runtime]) part.dispose();
  });

  it('an adapter with magnitudes beside one without: each its own', async () => {
    const runtime = await open();
    const adapters = [
      await runtime.createAdapter(DORA, arraysOf(DORA, 7)),
      await runtime.createAdapter(LORAS[0] as LoraConfig, arraysOf(LORAS[0] as LoraConfig, 0)),
    ];
    const expected: Float32Array[] = [];
    for (const adapter of adapters) {
      const alone = runtime.createSession(adapter);
      expected.push(await alone.feed([...prompt, 4]));
      alone.dispose();
    }
    const sessions = adapters.map((adapter) => runtime.createSession(adapter));
    await Promise.all(sessions.map((session) => session.feed(prompt)));
    const logits = await Promise.all(sessions.map((session) => session.feed([4])));
    logits.forEach((each, i) => expect(relativeError(each, expected[i] ?? [])).toBeLessThan(1e-4));
    for (const part of [...sessions, ...adapters, runtime]) part.dispose();
  });

  it('nothing stays on the device', async () => {
    const { memory } = await planDevice();
    const once = async () => {
      const runtime = await open();
      const lora = LORAS[1] as LoraConfig;
      const adapter = await runtime.createAdapter(lora, arraysOf(lora, 1));
      const session = runtime.createSession(adapter);
      await session.feed(prompt);
      await session.feed([1]);
      for (const part of [session, adapter, runtime]) part.dispose();
    };
    await once();
    const { bytes } = memory;
    await once();
    expect(memory.bytes).toBe(bytes);
  });
});

describe('addStackedLora', () => {
  const [rows, width, rank] = [3, 20, 8];
  const widths = [12, 8];
  /** Slot 0 has both projections with rank 3, slot 1 only the second with rank 8. */
  const entries = [
    [0, 60, 3],
    [96, 156, 3],
    [0, 0, 0],
    [180, 340, 8],
  ] as const;
  const scales = [0.5, 0.5, 0, 2];
  const slots = [1, NO_ADAPTER, 0];

  it.each([false, true])('normed %s: every row with the matrices of its slot, in 64 bits', async (normed) => {
    const [x, norm, y, matrices] = [draws(rows * width), draws(width), draws(rows * 20), draws(404)];
    const table = new Uint32Array(16);
    entries.forEach((entry, i) => table.set(entry, 4 * i));
    scales.forEach((scale, i) => new Float32Array(table.buffer).set([scale], 4 * i + 3));
    const { result } = await run(({ tape, input }) => {
      const stack = {
        table: input('table', [16], table),
        entries: 2,
        matrices: input('matrices', [404], matrices),
        slots: input('slots', [rows], Uint32Array.from(slots)),
        rank,
      };
      const result = input('y', [rows, 20], y);
      const ahead = normed ? { weight: frozen(input('norm', [width], norm)), epsilon: 1e-5 } : null;
      const given = input('x', [rows, width], x);
      addStackedLora(tape.recorder, given, ahead, stack, { first: 0, widths }, result);
      return { result };
    });
    const expected = Float64Array.from(y);
    slots.forEach((slot, row) => {
      if (slot === NO_ADAPTER) return;
      const values = Array.from(x.subarray(row * width, (row + 1) * width));
      const squares = values.reduce((sum, value) => sum + value * value, 0);
      const factor = 1 / Math.sqrt(squares / width + 1e-5);
      const read = normed ? values.map((value, k) => value * factor * (norm[k] ?? 0)) : values;
      widths.forEach((columns, p) => {
        const [a = 0, b = 0, r = 0] = entries[slot * 2 + p] ?? [];
        const z = Array.from({ length: r }, (_, j) =>
          read.reduce((sum, value, k) => sum + value * (matrices[a + j * width + k] ?? 0), 0),
        );
        for (let column = 0; column < columns; column += 1) {
          const side = z.reduce((sum, value, j) => sum + value * (matrices[b + column * r + j] ?? 0), 0);
          const at = row * 20 + (p === 0 ? 0 : 12) + column;
          expected[at] = (expected[at] ?? 0) + (scales[slot * 2 + p] ?? 0) * side;
        }
      });
    });
    expect(relativeError(result ?? [], expected)).toBeLessThan(1e-5);
    expect(relativeError(y, expected)).toBeGreaterThan(1e-2);
  });
});
