// A product on a device for its own sake: memory of its own with known numbers, any variant, timed and checked. What the
// autotuner and the benchmarks stand on. Owns its operands.
import { Random } from '../../../lib/random';
import type { BufferRange } from '../gpu-memory';
import { matMul } from '../kernels/mat-mul';
import type { MatMulShape, MatMulVariant, MatrixPart } from '../kernels/mat-mul-shape';
import { Plan } from '../plan';
import type { PlanDevice } from '../plan-device';
import { externalValue, Recorder, type Value } from '../recorder';

/** Elements of C that a check computes itself. */
const CHECKED = 32;
const TOLERANCE = 1e-4;

type Operand = 'a' | 'b' | 'c' | 'r';

const span = (rows: number, { start, stride }: MatrixPart): number => start + rows * stride;

export class MatMulTrial {
  readonly shape: MatMulShape;
  readonly #device: PlanDevice;
  readonly #values: ReadonlyMap<Operand, Value>;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;
  readonly #data: ReadonlyMap<Operand, Float32Array<ArrayBuffer>>;

  private constructor(
    device: PlanDevice,
    shape: MatMulShape,
    operands: readonly {
      operand: Operand;
      value: Value;
      range: BufferRange;
      data: Float32Array<ArrayBuffer>;
    }[],
  ) {
    this.shape = shape;
    this.#device = device;
    this.#values = new Map(operands.map(({ operand, value }) => [operand, value]));
    this.#ranges = new Map(operands.map(({ value, range }) => [value, range]));
    this.#data = new Map(operands.map(({ operand, data }) => [operand, data]));
  }

  /** @throws AppError `engine.out-of-memory`. */
  static async open(device: PlanDevice, shape: MatMulShape): Promise<MatMulTrial> {
    const { m, n, k, transposeA, transposeB, a, b, c, plus } = shape;
    const sizes: [Operand, number][] = [
      ['a', span(transposeA ? k : m, a)],
      ['b', span(transposeB ? n : k, b)],
      ['c', span(m, c)],
      ...(plus === 'residual' ? [['r', span(m, c)] satisfies [Operand, number]] : []),
    ];
    const random = new Random(11);
    const operands = [];
    for (const [operand, size] of sizes) {
      const value = externalValue(operand, [size]);
      const buffer = await device.memory.allocate(value.bytes, `a trial’s ${operand}`);
      const data = Float32Array.from({ length: size }, () => 2 * random.next() - 1);
      operands.push({ operand, value, range: { buffer, offset: 0, bytes: value.bytes }, data });
    }
    const trial = new MatMulTrial(device, shape, operands);
    trial.#reset();
    return trial;
  }

  /** @throws AppError `engine.kernel-failed` when the variant does not compile. */
  async plan(variant: MatMulVariant, repeats = 1): Promise<Plan> {
    const recorder = new Recorder(this.#device.traits, () => variant);
    const { m, n, k, ...options } = this.shape;
    const [a, b, c] = [this.#value('a'), this.#value('b'), this.#value('c')];
    const residual = this.#values.get('r');
    const operands = residual === undefined ? { a, b, c } : { a, b, c, residual };
    for (let index = 0; index < repeats; index += 1) matMul(recorder, operands, { m, n, k }, options);
    return Plan.compile(this.#device, recorder.finish(), (value) => this.#range(value));
  }

  /** Whether one run of `plan`, of one product, leaves the right numbers. */
  async isRight(plan: Plan): Promise<boolean> {
    const { m, n, k, c } = this.shape;
    this.#reset();
    plan.run();
    const result = new Float32Array(await this.#device.memory.read(this.#range(this.#value('c'))));
    for (let index = 0; index < CHECKED; index += 1) {
      // The first and the last element are among them.
      const at = Math.floor((index * (m * n - 1)) / (CHECKED - 1));
      const [row, column] = [Math.floor(at / n), at % n];
      const error = Math.abs(
        (result[c.start + row * c.stride + column] ?? NaN) - this.#expected(row, column),
      );
      if (!(error <= TOLERANCE * Math.sqrt(k))) return false;
    }
    return true;
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#device.memory.free(buffer);
  }

  #expected(row: number, column: number): number {
    const { k, a, b, c, transposeA, transposeB, scale, plus } = this.shape;
    const element = (operand: Operand, index: number): number => this.#data.get(operand)?.[index] ?? NaN;
    let sum = 0;
    for (let p = 0; p < k; p += 1) {
      const [i, j] = transposeA ? [p, row] : [row, p];
      const [x, y] = transposeB ? [column, p] : [p, column];
      sum += element('a', a.start + i * a.stride + j) * element('b', b.start + x * b.stride + y);
    }
    const at = c.start + row * c.stride + column;
    const added = { none: () => 0, result: () => element('c', at), residual: () => element('r', at) }[plus]();
    return scale * sum + added;
  }

  #reset(): void {
    for (const [operand, data] of this.#data)
      this.#device.memory.write(this.#range(this.#value(operand)), data);
  }

  #value(operand: Operand): Value {
    const value = this.#values.get(operand);
    if (value === undefined) throw new RangeError(`The trial has no operand ${operand}.`);
    return value;
  }

  #range(value: Value): BufferRange {
    const range = this.#ranges.get(value);
    if (range === undefined) throw new RangeError(`The trial has no memory for ${value.name}.`);
    return range;
  }
}
