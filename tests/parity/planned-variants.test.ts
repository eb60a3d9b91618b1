import { afterEach, describe, expect, it, vi } from 'vitest';
import { compilePlan } from '../../src/engine/planned/compile-plan';
import type { BufferRange } from '../../src/engine/planned/gpu-memory';
import type { Kernel } from '../../src/engine/planned/kernel';
import { SHARED_ATTENTION, SHARED_ROWS } from '../../src/engine/planned/kernel-variants';
import { attention, type AttentionShape } from '../../src/engine/planned/kernels/attention';
import { matMul } from '../../src/engine/planned/kernels/mat-mul';
import { matMulVariantName } from '../../src/engine/planned/kernels/mat-mul-shape';
import { rmsNorm } from '../../src/engine/planned/kernels/rms-norm';
import { frozen } from '../../src/engine/planned/parameter';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { externalValue, type Value } from '../../src/engine/planned/recorder';
import { Tape } from '../../src/engine/planned/tape';
import { copy } from '../../src/engine/planned/kernels/elementwise';
import { proveProducts, withoutSuspects } from '../../src/engine/planned/tune/prove-variants';
import { relativeError } from '../../src/engine/reference/compare';
import { product } from './planned-mat-mul-cases';
import { draws, planDevice } from './planned-fixture';

const opened: PlanDevice[] = [];

/** A device of its own, whose kernels of some variants are spoilt on their way to the compiler. */
async function spoilt(
  isSpoilt: (kernel: Kernel) => boolean,
  spoil: (code: string) => string,
  software = true,
): Promise<PlanDevice> {
  const { device } = await planDevice();
  const owner = new PlanDevice(device, { vendor: '', software });
  opened.push(owner);
  const { pipelines } = owner;
  const get = pipelines.get.bind(pipelines);
  vi.spyOn(pipelines, 'get').mockImplementation((kernel, readOnly) =>
    get(isSpoilt(kernel) ? { ...kernel, code: spoil(kernel.code) } : kernel, readOnly),
  );
  return owner;
}

afterEach(() => {
  for (const owner of opened.splice(0)) owner.dispose();
});

const broken = (code: string): string => `${code}\nthis is no shader`;
/** Compiles, and is off by a little. */
const wrong = (code: string): string => code.replaceAll('scale *', '1.01 * scale *');

/** Runs what `record` makes of the arrays, and reads it. */
async function computed(
  owner: PlanDevice,
  inputs: Record<
    string,
    { shape: readonly number[]; data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> }
  >,
  record: (tape: Tape, values: Record<string, Value>) => Value,
  shape: readonly number[],
): Promise<Float32Array> {
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, externalValue(name, shape)]),
  );
  const result = externalValue('result', shape);
  const ranges = new Map<Value, BufferRange>();
  for (const value of [...Object.values(values), result]) {
    const buffer = await owner.memory.allocate(value.bytes, value.name);
    ranges.set(value, { buffer, offset: 0, bytes: value.bytes });
  }
  for (const [name, { data }] of Object.entries(inputs)) {
    owner.memory.write(ranges.get(values[name] as Value) as BufferRange, data);
  }
  const plan = await compilePlan(
    owner,
    () => {
      const tape = new Tape(owner.recorder());
      copy(tape, record(tape, values), result);
      return tape.recorder.finish();
    },
    (value) => ranges.get(value) as BufferRange,
  );
  const read = new Float32Array(await plan.runAndRead(ranges.get(result) as BufferRange));
  plan.dispose();
  for (const { buffer } of ranges.values()) owner.memory.free(buffer);
  return read;
}

const SIZE = { m: 24, n: 20, k: 16 };

/** Relative error of a product. */
async function productError(owner: PlanDevice): Promise<number> {
  const [a, b] = [draws(SIZE.m * SIZE.k), draws(SIZE.k * SIZE.n)];
  const inputs = { a: { shape: [SIZE.m, SIZE.k], data: a }, b: { shape: [SIZE.k, SIZE.n], data: b } };
  const actual = await computed(
    owner,
    inputs,
    ({ recorder }, { a, b }) => {
      const c = recorder.temporary('c', [SIZE.m, SIZE.n]);
      matMul(recorder, { a: a as Value, b: b as Value, c }, SIZE);
      return c;
    },
    [SIZE.m, SIZE.n],
  );
  return relativeError(actual, product(a, b, { size: SIZE, transposeA: false, transposeB: false }));
}

const nameOf = (owner: PlanDevice): string =>
  matMulVariantName(
    owner.variantOf({
      ...{ ...SIZE, transposeA: false, transposeB: false, scale: 1, plus: 'none' },
      ...{
        a: { start: 0, stride: SIZE.k },
        b: { start: 0, stride: SIZE.n },
        c: { start: 0, stride: SIZE.n },
      },
    }),
  );

describe('variants that fail', () => {
  it('a product that does not compile: the next variant runs, and it is named', async () => {
    let first = '';
    const owner = await spoilt(({ variant }) => variant === first, broken);
    first = nameOf(owner);
    expect(await productError(owner)).toBeLessThan(1e-5);
    expect([...owner.variants.setAside.keys()]).toEqual([first]);
    expect(owner.variants.setAside.get(first)).toMatch(/did not compile/);
    expect(nameOf(owner)).not.toBe(first);
  });

  it('a kernel that nothing can replace: the compiler’s message', async () => {
    const owner = await spoilt(({ name }) => name.startsWith('copy'), broken);
    await expect(productError(owner)).rejects.toMatchObject({ code: 'engine.kernel-failed' });
    expect(owner.variants.setAside.size).toBe(0);
  });

  it(
    'a product that is off by a hundredth: the proof finds it, and others compute in its place',
    { timeout: 120_000 },
    async () => {
      let first = '';
      const owner = await spoilt(({ variant }) => variant === first, wrong);
      first = nameOf(owner);
      expect(await productError(owner)).toBeGreaterThan(1e-3);
      expect(await proveProducts(owner)).toBe(true);
      expect([...owner.variants.setAside]).toEqual([[first, 'It computed wrong.']]);
      expect(await productError(owner)).toBeLessThan(1e-5);
    },
  );

  it('proveProducts: nothing is set aside on a device that is right', async () => {
    const owner = await spoilt(() => false, broken);
    expect(await proveProducts(owner)).toBe(false);
    expect(owner.variants.setAside.size).toBe(0);
  });

  it('rows shared by a workgroup that do not compile: each row has an invocation of its own', async () => {
    const owner = await spoilt(({ variant }) => variant === SHARED_ROWS, broken, false);
    expect(owner.traits.rowLanes).toBe(64);
    const inputs = {
      x: { shape: [3, 8], data: draws(24) },
      weight: { shape: [8], data: new Float32Array(8).fill(1) },
    };
    const y = await computed(
      owner,
      inputs,
      (tape, { x, weight }) => rmsNorm(tape, x as Value, frozen(weight as Value), 0),
      [3, 8],
    );
    // Squares of a normalised row have a mean of 1.
    expect(y.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(24, 3);
    expect(owner.traits.rowLanes).toBe(1);
    expect([...owner.variants.setAside.keys()]).toEqual([SHARED_ROWS]);
  });

  it('attention through workgroup memory that computes wrong: left out, and nothing else', async () => {
    const spoil = (code: string) => code.replace('valueTile[i] = ', 'valueTile[i] = 1.01 * ');
    const owner = await spoilt(({ variant }) => variant === SHARED_ATTENTION, spoil, false);
    const shape: AttentionShape = { rows: 1, length: 5, heads: 1, kvHeads: 1, headSize: 4 };
    // Values of 1 everywhere: whatever the scores are, the output is 1.
    const qkv = draws(60).map((value, i) => (i % 12 < 8 ? value : 1));
    const inputs = {
      qkv: { shape: [5, 12], data: qkv },
      segments: { shape: [5], data: new Int32Array(5) },
    };
    const isRight = async (): Promise<boolean> => {
      const output = await computed(
        owner,
        inputs,
        (tape, { qkv, segments }) => attention(tape, qkv as Value, segments as Value, shape),
        [5, 4],
      );
      return output.every((value) => Math.abs(value - 1) < 1e-5);
    };
    expect(await isRight()).toBe(false);
    for (const _ of withoutSuspects(owner)) if (await isRight()) break;
    expect([...owner.variants.setAside.keys()]).toEqual([SHARED_ATTENTION]);
    expect(await isRight()).toBe(true);
  });

  it('withoutSuspects: where nothing helps, everything is put back', async () => {
    const owner = await spoilt(() => false, broken, false);
    expect([...withoutSuspects(owner)]).toHaveLength(3);
    expect(owner.variants.setAside.size).toBe(0);
  });

  it('matMulVariantName: parts of the sum do not matter, tiles do', () => {
    const tile = { kind: 'direct', rows: 8, columns: 16, workgroupSize: 4, splits: 1 } as const;
    expect(matMulVariantName({ ...tile, splits: 4 })).toBe(matMulVariantName(tile));
    expect(matMulVariantName(tile)).toBe('mat-mul direct rows 8, columns 16, workgroupSize 4');
    expect(matMulVariantName({ ...tile, rows: 16 })).not.toBe(matMulVariantName(tile));
  });
});
