// A product with a matrix in few bits for its own sake: memory of its own with known numbers, any variant, timed and
// checked. What the autotuner and the proof of variants stand on. Owns its operands.
import { Random } from '../../../lib/random';
import type { BufferRange } from '../gpu-memory';
import { matMulQuantised } from '../kernels/mat-mul-quantised';
import { innerOf, widthOf, type QuantisedShape, type QuantisedVariant } from '../kernels/quantised-shape';
import { Plan } from '../plan';
import type { PlanDevice } from '../plan-device';
import { dequantise, quantise } from '../quantise';
import { externalValue, Recorder, type Value } from '../recorder';

/** Elements of the result that a check computes itself. */
const CHECKED = 32;
const TOLERANCE = 1e-4;

interface Operands {
  x: Value;
  words: Value;
  scales: Value | null;
  result: Value;
}

type Data = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

export class QuantisedTrial {
  readonly shape: QuantisedShape;
  readonly #device: PlanDevice;
  readonly #operands: Operands;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;
  readonly #x: Float32Array;
  /** What the words stand for. */
  readonly #w: Float32Array;

  private constructor(
    device: PlanDevice,
    shape: QuantisedShape,
    operands: Operands,
    ranges: ReadonlyMap<Value, BufferRange>,
    numbers: { x: Float32Array; w: Float32Array },
  ) {
    this.shape = shape;
    this.#device = device;
    this.#operands = operands;
    this.#ranges = ranges;
    this.#x = numbers.x;
    this.#w = numbers.w;
  }

  /** @param shape without what it adds to: X and the result are whole arrays, overwritten. @throws AppError `engine.out-of-memory`. */
  static async open(device: PlanDevice, asked: QuantisedShape): Promise<QuantisedTrial> {
    const { rows, out, in: input, bits } = asked;
    const [width, inner] = [widthOf(asked), innerOf(asked)];
    const shape: QuantisedShape = {
      ...{ ...asked, plus: 'none' },
      ...{ x: { start: 0, stride: inner }, y: { start: 0, stride: width } },
    };
    const random = new Random(11);
    const draw = (size: number) => Float32Array.from({ length: size }, () => 2 * random.next() - 1);
    const [x, kept] = [draw(rows * inner), quantise(draw(out * input), bits)];
    const operands: Operands = {
      x: externalValue('x', [rows, inner]),
      words: externalValue('words', [out, input], { bytes: kept.words.byteLength }),
      scales: bits === 16 ? null : externalValue('scales', [out, input / 32]),
      result: externalValue('result', [rows, width]),
    };
    const data = new Map<Value, Data>([
      [operands.x, x],
      [operands.words, kept.words],
    ]);
    if (operands.scales !== null) data.set(operands.scales, kept.scales);
    const ranges = new Map<Value, BufferRange>();
    for (const value of [...data.keys(), operands.result]) {
      const buffer = await device.memory.allocate(value.bytes, `a trial’s ${value.name}`);
      ranges.set(value, { buffer, offset: 0, bytes: value.bytes });
    }
    for (const [value, numbers] of data) device.memory.write(ranges.get(value) as BufferRange, numbers);
    return new QuantisedTrial(device, shape, operands, ranges, { x, w: dequantise(kept) });
  }

  /** @throws AppError `engine.kernel-failed` when the variant does not compile. */
  async plan(variant: QuantisedVariant): Promise<Plan> {
    const { rows, bits, direction, plus } = this.shape;
    const { x, words, scales, result } = this.#operands;
    const recorder = new Recorder(this.#device.traits, this.#device.variantOf);
    const operands = { x, words, form: { bits, scales }, result };
    matMulQuantised(recorder, operands, { rows, direction, plus }, variant);
    return Plan.compile(this.#device, recorder.finish(), (value) => this.#ranges.get(value) as BufferRange);
  }

  /** Whether one run of `plan` leaves the right numbers. */
  async isRight(plan: Plan): Promise<boolean> {
    const range = this.#ranges.get(this.#operands.result) as BufferRange;
    const size = this.shape.rows * widthOf(this.shape);
    this.#device.memory.write(range, new Float32Array(size).fill(NaN));
    const result = new Float32Array(await plan.runAndRead(range));
    for (let index = 0; index < CHECKED; index += 1) {
      // The first and the last element are among them.
      const at = Math.floor((index * (size - 1)) / (CHECKED - 1));
      const error = Math.abs((result[at] ?? NaN) - this.#expected(at));
      if (!(error <= TOLERANCE * Math.sqrt(innerOf(this.shape)))) return false;
    }
    return true;
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#device.memory.free(buffer);
  }

  #expected(at: number): number {
    const { direction, in: input } = this.shape;
    const [width, inner] = [widthOf(this.shape), innerOf(this.shape)];
    const [row, column] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let p = 0; p < inner; p += 1) {
      const w = direction === 'forward' ? column * input + p : p * input + column;
      sum += (this.#x[row * inner + p] ?? NaN) * (this.#w[w] ?? NaN);
    }
    return sum;
  }
}
