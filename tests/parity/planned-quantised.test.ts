import { describe, expect, it } from 'vitest';
import { frozen } from '../../src/engine/planned/parameter';
import { matMulQuantised, type QuantisedVariant } from '../../src/engine/planned/kernels/mat-mul-quantised';
import { linear } from '../../src/engine/planned/kernels/linear';
import {
  dequantise,
  quantisationError,
  quantise,
  type QuantisedBits,
} from '../../src/engine/planned/quantise';
import { externalValue, Recorder } from '../../src/engine/planned/recorder';
import { Quantiser, STAGED_ELEMENTS } from '../../src/engine/planned/quantiser';
import { relativeError } from '../../src/engine/reference/compare';
import type { FileArray, RowRange } from '../../src/models/file-layout';
import { adapterShapes, EMBEDDING, HEAD } from '../../src/models/decoder/decoder-names';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { plannedGradients } from '../../src/models/planned-self-test';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { LoraConfig } from '../../src/protocol/models';
import { inTurn } from '../support/case-choice';
import { product } from './planned-mat-mul-cases';
import { draws, planDevice, run, type Bench } from './planned-fixture';

type Weights = ReadonlyMap<string, FileArray>;

const LORA: LoraConfig = { ...SELF_TEST_LORA, dropout: 0 };
/** Rows of one group, of two and of three; k and v narrower than q. */
const CONFIG = {
  ...SELF_TEST_CONFIG,
  ...{ vocabSize: 36, hiddenSize: 64, headSize: 8, intermediateSize: 96 },
};

/** As a file gives them, never more rows than were asked for. */
function readRows(weights: Weights, name: string, rows?: RowRange): Promise<FileArray> {
  const { shape, data } = weights.get(name) as FileArray;
  if (rows === undefined) return Promise.resolve({ shape, data });
  const width = data.length / (shape[0] ?? 1);
  const part = data.slice(rows.first * width, (rows.first + rows.count) * width);
  return Promise.resolve({ shape: [rows.count, ...shape.slice(1)], data: part });
}

const BITS: readonly QuantisedBits[] = [16, 8, 4];

/**
 * Relative errors of normal weights stay below: steps of about 2.1 / 127 or 2.1 / 7 deviations over the square root of 12,
 * and 2^-11 of a half relative to each weight.
 */
const MOST: Record<QuantisedBits, number> = { 16: 5e-4, 8: 0.01, 4: 0.12 };

/** Quantises on the device into buffers with room in front for one other group. */
async function onDevice(data: Float32Array, bits: QuantisedBits) {
  const { memory, pipelines } = await planDevice();
  const quantiser = await Quantiser.open(memory, pipelines);
  const allocate = async (bytes: number) => {
    const buffer = await memory.allocate(bytes, 'a quantised array');
    return { buffer, offset: 0, bytes };
  };
  const words = await allocate((data.length * bits) / 8 + 4 * bits);
  const scales = bits === 16 ? null : await allocate(data.length / 8 + 4);
  quantiser.write('tensor', data, { bits, words, scales, offset: 32 });
  const result = {
    words: new Uint32Array(await memory.read(words)).slice(bits),
    scales: scales === null ? new Float32Array() : new Float32Array(await memory.read(scales)).slice(1),
    error: (await quantiser.errors()).get('tensor') ?? NaN,
  };
  memory.free(words.buffer);
  if (scales !== null) memory.free(scales.buffer);
  quantiser.dispose();
  return result;
}

/** Equal levels, ties, zeros, the smallest numbers, one large among small ones. */
function awkward(): Float32Array<ArrayBuffer> {
  const data = draws(32 * 40);
  for (let i = 0; i < 32; i += 1) {
    data[i] = 0;
    data[32 + i] = (i - 16) / 2;
    data[64 + i] = 1e-31 * i;
    data[96 + i] = i === 7 ? -1000 : 1e-3 * i;
    data[128 + i] = 1e-20 * (i - 5);
    data[160 + i] = i % 2 === 0 ? 3.5 : -3.5;
    data[192 + i] = (i - 15.5) / 127;
    data[224 + i] = (i - 16) * 2 ** -25;
    data[256 + i] = (1 + i * 2 ** -11) * (i % 2 === 0 ? 1 : -1);
    data[288 + i] = 65_440 + 4 * i;
  }
  return data;
}

describe.each(BITS)('quantise, %i bits', (bits) => {
  it('the device: the bits of the host, and the same error', async () => {
    const data = awkward();
    const host = quantise(data, bits);
    const device = await onDevice(data, bits);
    expect(device.words).toEqual(host.words);
    expect(new Uint32Array(device.scales.buffer)).toEqual(new Uint32Array(host.scales.buffer));
    expect(device.error / quantisationError(data, host)).toBeCloseTo(1, 4);
  });

  it('more than is staged at once: every piece in its place', async () => {
    const data = draws(STAGED_ELEMENTS + 32 * 100);
    const host = quantise(data, bits);
    const device = await onDevice(data, bits);
    expect(relativeError(device.words, host.words)).toBe(0);
    expect(device.scales).toHaveLength(host.scales.length);
    expect(device.scales.every((scale, i) => scale === host.scales[i])).toBe(true);
    expect(device.error).toBeLessThan(MOST[bits]);
    expect(device.error).toBeGreaterThan(MOST[bits] / 10);
  });
});

/** Rows, out, in: tiles that fill and do not, and several groups. */
const SIZES = [
  [32, 32, 64],
  [5, 12, 96],
  [21, 68, 32],
] as const;
const TILES: Record<string, QuantisedVariant | null> = {
  default: null,
  expanded: { kind: 'expanded', bytes: 2 ** 20 },
  'expanded, some rows at a time': { kind: 'expanded', bytes: 2048 },
  'tile 4x8': { kind: 'direct', rows: 4, columns: 8, workgroupSize: 4 },
  'tile 8x32': { kind: 'direct', rows: 8, columns: 32, workgroupSize: 16 },
};
const DIRECTIONS = ['forward', 'back'] as const;
const EXACT = 1e-5;

interface Weight {
  bits: QuantisedBits;
  out: number;
  input: number;
  data: Float32Array;
}

/** The weight on the device, with the bits of the host. */
function weightOf({ input }: Bench, { bits, out, input: width, data }: Weight) {
  const { words, scales } = quantise(data, bits);
  const value = input('words', [out, width], words);
  const form = { bits, scales: bits === 16 ? null : input('scales', [out, width / 32], scales) };
  return { words: value, form };
}

const weight = (bits: QuantisedBits, out: number, input: number): Weight => ({
  ...{ bits, out, input },
  data: draws(out * input),
});

const seen = ({ data, bits }: Weight): Float32Array => dequantise(quantise(data, bits));

/** Relative error of a product with a residual, to which half as many rows of another are added. */
async function error(
  w: Weight,
  rows: number,
  direction: 'forward' | 'back',
  variant: QuantisedVariant | null,
): Promise<number> {
  const [inner, width] = direction === 'forward' ? [w.input, w.out] : [w.out, w.input];
  const [x, r] = [draws(rows * inner), draws(rows * width)];
  const { y } = await run((bench) => {
    const y = bench.tape.recorder.temporary('y', [rows, width]);
    const operands = { ...weightOf(bench, w), x: bench.input('x', [rows, inner], x), result: y };
    const residual = bench.input('r', [rows, width], r);
    const { recorder } = bench.tape;
    matMulQuantised(recorder, { ...operands, residual }, { rows, direction, plus: 'residual' }, variant);
    matMulQuantised(recorder, operands, { rows, direction, plus: 'result' }, variant);
    return { y };
  });
  const size = { m: rows, n: width, k: inner };
  const once = product(x, seen(w), {
    ...{ size, transposeA: false, transposeB: direction === 'forward' },
  });
  return relativeError(
    y ?? [],
    once.map((value, i) => 2 * value + (r[i] ?? NaN)),
  );
}

describe.each(BITS)('products with a matrix of %i bits', (bits) => {
  const turn = BITS.indexOf(bits);
  for (const [at, [name, variant]] of Object.entries(TILES).entries()) {
    for (const [to, direction] of DIRECTIONS.entries()) {
      it(`${name}, ${direction}: the product with what the matrix stands for`, async () => {
        for (const [rows, out, input] of inTurn(SIZES, turn + at + to)) {
          expect(await error(weight(bits, out, input), rows, direction, variant)).toBeLessThan(EXACT);
        }
      });
    }
  }

  it.each([1, 8])('a few rows, %i lanes: the product', async (lanes) => {
    const variant: QuantisedVariant = { kind: 'vector', lanes, workgroupSize: 16 };
    for (const rows of inTurn([1, 3, 8], lanes === 1 ? turn : turn + 1)) {
      expect(await error(weight(bits, 20, 32 * 11), rows, 'forward', variant)).toBeLessThan(EXACT);
    }
  });

  it.each(['none', 'result', 'residual'] as const)('%s: no more bindings than every device has', (plus) => {
    for (const [rows, direction] of [
      [1, 'forward'],
      [64, 'forward'],
      [64, 'back'],
    ] as const) {
      const recorder = new Recorder();
      const [words, scales] = [externalValue('words', [32, 32]), externalValue('scales', [32, 1])];
      const [x, result] = [externalValue('x', [rows, 32]), externalValue('y', [rows, 32])];
      const form = { bits, scales: bits === 16 ? null : scales };
      const operands = { x, words, form, result, residual: externalValue('r', [rows, 32]) };
      matMulQuantised(recorder, operands, { rows, direction, plus });
      const { dispatches } = recorder.finish();
      // X, words, scales, numbers, the result and what is added: two below the least of WebGPU.
      expect(Math.max(...dispatches.map(({ values }) => values.length))).toBeLessThanOrEqual(6);
    }
  });

  it('parts of wider arrays: only those are read and written', async () => {
    const w = weight(bits, 20, 64);
    for (const [to, direction] of DIRECTIONS.entries()) {
      for (const rows of inTurn([3, 21], turn + to)) {
        const [inner, width] = direction === 'forward' ? [w.input, w.out] : [w.out, w.input];
        const [x, before] = [draws(rows * (inner + 12)), draws(rows * (width + 16))];
        const { y } = await run((bench) => {
          const result = bench.input('y', [rows, width + 16], before);
          const operands = { ...weightOf(bench, w), x: bench.input('x', [rows, inner + 12], x), result };
          matMulQuantised(bench.tape.recorder, operands, {
            ...{ rows, direction, plus: 'none' },
            ...{ x: { start: 8, stride: inner + 12 }, y: { start: 4, stride: width + 16 } },
          });
          return { y: result };
        });
        const part = Float32Array.from({ length: rows * inner }, (_, i) => {
          return x[Math.floor(i / inner) * (inner + 12) + 8 + (i % inner)] ?? NaN;
        });
        const size = { m: rows, n: width, k: inner };
        const transposeB = direction === 'forward';
        const expected = product(part, seen(w), { size, transposeA: false, transposeB });
        const whole = Float32Array.from(before, (value, i) => {
          const column = (i % (width + 16)) - 4;
          const row = Math.floor(i / (width + 16));
          return column < 0 || column >= width ? value : (expected[row * width + column] ?? NaN);
        });
        expect(relativeError(y ?? [], whole)).toBeLessThan(EXACT);
      }
    }
  });

  it.runIf(bits !== 16)('negative control, a scale of another group: does not pass', async () => {
    const w = weight(bits, 16, 64);
    const x = draws(8 * 64);
    const { y } = await run((bench) => {
      const y = bench.tape.recorder.temporary('y', [8, 16]);
      const { words, form } = weightOf(bench, w);
      const { scales } = quantise(w.data, bits);
      const moved = bench.input(
        'moved',
        [16, 2],
        Float32Array.from(scales, (_, i) => scales[i ^ 1] ?? NaN),
      );
      const operands = {
        x: bench.input('x', [8, 64], x),
        words,
        form: { ...form, scales: moved },
        result: y,
      };
      matMulQuantised(bench.tape.recorder, operands, { rows: 8, direction: 'forward', plus: 'none' });
      return { y };
    });
    const size = { m: 8, n: 16, k: 64 };
    const expected = product(x, seen(w), {
      ...{ size, transposeA: false, transposeB: true },
    });
    expect(relativeError(y ?? [], expected)).toBeGreaterThan(0.01);
  });
});

describe('linear with a matrix in few bits', () => {
  it('a gradient by it: refused', async () => {
    const attempt = run((bench) => {
      const { words, form } = weightOf(bench, weight(8, 4, 32));
      const x = bench.input('x', [2, 32], draws(64));
      const learning = { ...frozen(words, form), gradient: bench.input('d', [4, 32], draws(128)) };
      return { y: linear(bench.tape, x, { weight: learning, lora: null }) };
    });
    await expect(attempt).rejects.toThrow('words is kept in 8 bits and has no gradient.');
  });
});

describe.each(['f16', 'int8', 'int4'] as const)('planned Llama on a base in %s', (storage) => {
  const bitsFor = (name: string): QuantisedBits =>
    storage === 'f16' ? 16 : storage === 'int8' || name === HEAD || name === EMBEDDING ? 8 : 4;

  /** What the model computes with: projections, embedding and head as their few bits stand for them. */
  function seenWeights(weights: Weights): Map<string, FileArray> {
    return new Map(
      [...weights].map(([name, array]) => {
        if (!/_proj\.weight|lm_head|embed_tokens/.test(name)) return [name, array];
        const bits = bitsFor(name);
        return [name, { ...array, data: dequantise(quantise(array.data, bits)) }];
      }),
    );
  }

  async function load(weights: Weights, budget: number) {
    const owner = await planDevice();
    return PlannedRuntime.load(owner, CONFIG, (name, rows) => readRows(weights, name, rows), budget, storage);
  }

  /** Checks of a LoRA step against the reference on `expected`. */
  async function loraChecks(weights: Weights, expected: Weights, budget: number) {
    const runtime = await load(weights, budget);
    const adapter = await runtime.createAdapter(LORA, weights);
    const training = await runtime.createLoraTraining(LORA, 1, adapter);
    const names = [...adapterShapes(CONFIG, LORA).keys()];
    const reference = referenceOf(CONFIG, expected, selfTestBatch());
    const gradients = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
    const checks = compareGradients(await plannedGradients(training), { ...reference, gradients });
    expect(checks).toHaveLength(names.length + 1);
    for (const part of [training, adapter, runtime]) part.dispose();
    return checks.filter(({ passed }) => !passed);
  }

  it('LoRA, blocks kept and recomputed: loss and adapter gradients of the reference', async () => {
    const weights = selfTestWeights(CONFIG, true);
    for (const budget of [2 ** 30, 0]) {
      expect(await loraChecks(weights, seenWeights(weights), budget)).toEqual([]);
    }
  });

  it('negative control, the reference on the weights before: does not pass', async () => {
    const weights = selfTestWeights(CONFIG, true);
    expect(await loraChecks(weights, weights, 2 ** 30)).not.toEqual([]);
  });

  it('a session, a piece and single tokens: logits of the reference', async () => {
    const weights = selfTestWeights(CONFIG, false);
    const runtime = await load(weights, 0);
    const session = runtime.createSession(null);
    const tokens = Array.from({ length: 24 }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);
    await session.feed(tokens.slice(0, 20));
    for (const token of tokens.slice(20, 23)) await session.feed([token]);
    const logits = await session.feed(tokens.slice(23));
    const reference = referenceOf(CONFIG, seenWeights(weights), {
      rows: 1,
      length: 24,
      tokens: Int32Array.from(tokens),
      labels: new Int32Array(24).fill(-100),
      positions: Int32Array.from(tokens.keys()),
      segments: new Int32Array(24),
      targetTokens: 0,
    });
    const last = reference.logits.slice(23 * CONFIG.vocabSize);
    expect(relativeError(logits, last)).toBeLessThan(1e-4);
    session.dispose();
    runtime.dispose();
  });

  it('the error of every matrix in few bits is known, and sane', async () => {
    const runtime = await load(selfTestWeights(CONFIG, false), 0);
    const errors = [...runtime.storageErrors];
    expect(errors).toHaveLength(7 * CONFIG.layers + 2);
    for (const [name, error] of errors) {
      const most = MOST[bitsFor(name)];
      expect(error).toBeGreaterThan(most / 10);
      expect(error).toBeLessThan(most);
    }
    runtime.dispose();
  });

  it('a large array: read some rows at a time', async () => {
    const config = { ...CONFIG, vocabSize: 70_000, layers: 1, tiedHead: true };
    const { width, rows } = { width: config.hiddenSize, rows: config.vocabSize };
    const weights = new Map(selfTestWeights({ ...CONFIG, layers: 1, tiedHead: true }, false));
    const data = new Float32Array(rows * width);
    data.fill(0.5, (rows - 1) * width);
    weights.set(EMBEDDING, { shape: [rows, width], data });
    let most = 0;
    const read = async (name: string, rows?: RowRange): Promise<FileArray> => {
      const part = await readRows(weights, name, rows);
      most = Math.max(most, part.data.byteLength);
      return part;
    };
    const runtime = await PlannedRuntime.load(await planDevice(), config, read, 0, storage);
    expect(most).toBeLessThanOrEqual(4 * 2 ** 20);
    // Only the last token's row is not zero: a wrong place of it would leave all logits at zero.
    const session = runtime.createSession(null);
    const logits = await session.feed([rows - 1]);
    expect(logits[0]).toBe(0);
    expect(Math.abs(logits[rows - 1] ?? 0)).toBeGreaterThan(0.01);
    session.dispose();
    runtime.dispose();
  });

  it('resumed on a base loaded anew: the steps of a run that was not interrupted', async () => {
    const weights = selfTestWeights(CONFIG, false);
    const step = { targetTokens: 10, learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 };
    const open = async () => {
      const runtime = await load(weights, 0);
      return { runtime, training: await runtime.createLoraTraining(LORA, 1, null) };
    };
    const stepOf = async ({ training }: Awaited<ReturnType<typeof open>>) => {
      const { lossSum } = await training.accumulate(selfTestBatch(), 0);
      await training.step(step);
      return lossSum;
    };
    const whole = await open();
    const losses = [await stepOf(whole), await stepOf(whole)];
    const state = await whole.training.exportState();
    losses.push(await stepOf(whole), await stepOf(whole));
    for (const part of [whole.training, whole.runtime]) part.dispose();
    const resumed = await open();
    await resumed.training.importState(state);
    expect([await stepOf(resumed), await stepOf(resumed)]).toEqual(losses.slice(2));
    for (const part of [resumed.training, resumed.runtime]) part.dispose();
  });

  it('full training: refused; everything else leaves nothing behind', async () => {
    const { memory } = await planDevice();
    const weights = selfTestWeights(CONFIG, false);
    (await load(weights, 0)).dispose();
    const before = memory.bytes;
    const runtime = await load(weights, 0);
    await expect(runtime.createFullTraining()).rejects.toMatchObject({ code: 'training.invalid' });
    runtime.dispose();
    expect(memory.bytes).toBe(before);
  });
});

describe('a base whose shapes allow no few bits', () => {
  it('stays f32: the reference on the weights as they are', async () => {
    const owner = await planDevice();
    const weights = selfTestWeights(SELF_TEST_CONFIG, true);
    const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
    const runtime = await PlannedRuntime.load(owner, SELF_TEST_CONFIG, read, 0, 'int4');
    expect(runtime.storageErrors.size).toBe(0);
    const adapter = await runtime.createAdapter(LORA, weights);
    const training = await runtime.createLoraTraining(LORA, 1, adapter);
    const { loss } = await plannedGradients(training);
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch());
    expect(Math.abs(loss / reference.loss - 1)).toBeLessThan(1e-4);
    for (const part of [training, adapter, runtime]) part.dispose();
  });
});
