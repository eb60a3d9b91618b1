// Attention on a device for its own sake: memory of its own with known numbers, any variant, forward and backward. What the
// autotuner stands on. Owns its operands.
import { relativeError } from '../../reference/compare';
import { Random } from '../../../lib/random';
import type { BufferRange } from '../gpu-memory';
import { attentionKernel } from '../kernels/attention-forward';
import { innerKernel, keyValueGradientKernel, queryGradientKernel } from '../kernels/attention-backward';
import { dispatchTiles } from '../kernels/attention-grid';
import type { AttentionShape, AttentionVariant } from '../kernels/attention-tile';
import { Plan } from '../plan';
import type { PlanDevice } from '../plan-device';
import { elements, externalValue, Recorder, type Value } from '../recorder';
import type { Trial } from './try-variant';

/** The passes whose tiles are chosen apart from each other. */
export const ATTENTION_PASSES = ['forward', 'query', 'keyValue'] as const;
export type AttentionPass = (typeof ATTENTION_PASSES)[number];

const TOLERANCE = 1e-4;

interface Arrays {
  qkv: Value;
  segments: Value;
  dOutput: Value;
  output: Value;
  logSums: Value;
  inner: Value;
  dQkv: Value;
}

export class AttentionTrial {
  readonly shape: AttentionShape;
  readonly #device: PlanDevice;
  readonly #arrays: Arrays;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;

  private constructor(
    device: PlanDevice,
    shape: AttentionShape,
    arrays: Arrays,
    ranges: ReadonlyMap<Value, BufferRange>,
  ) {
    this.shape = shape;
    this.#device = device;
    this.#arrays = arrays;
    this.#ranges = ranges;
  }

  /** One sample fills each row. @throws AppError `engine.out-of-memory`. */
  static async open(device: PlanDevice, shape: AttentionShape): Promise<AttentionTrial> {
    const { rows, length, heads, kvHeads, headSize } = shape;
    const tokens = rows * length;
    const width = (heads + 2 * kvHeads) * headSize;
    const arrays: Arrays = {
      qkv: externalValue('qkv', [tokens, width]),
      segments: externalValue('segments', [tokens]),
      dOutput: externalValue('d output', [tokens, heads * headSize]),
      output: externalValue('output', [tokens, heads * headSize]),
      logSums: externalValue('log-sums', [tokens, heads]),
      inner: externalValue('inner', [tokens, heads]),
      dQkv: externalValue('d qkv', [tokens, width]),
    };
    const ranges = new Map<Value, BufferRange>();
    const random = new Random(11);
    for (const value of Object.values<Value>({ ...arrays })) {
      const buffer = await device.memory.allocate(value.bytes, `a trial’s ${value.name}`);
      const range = { buffer, offset: 0, bytes: value.bytes };
      ranges.set(value, range);
      const size = elements(value.shape);
      const isDrawn = value === arrays.qkv || value === arrays.dOutput;
      // Zeros elsewhere: all tokens of a row are of one segment.
      device.memory.write(
        range,
        Float32Array.from({ length: size }, () => (isDrawn ? random.normal() : 0)),
      );
    }
    return new AttentionTrial(device, shape, arrays, ranges);
  }

  /** One pass; those of the gradient take what the forward pass has left. @throws AppError `engine.kernel-failed`. */
  plan(pass: AttentionPass, variant: AttentionVariant): Promise<Plan> {
    const { shape } = this;
    const { qkv, segments, dOutput, output, logSums, inner, dQkv } = this.#arrays;
    const gradient = [qkv, segments, dOutput, logSums, inner, dQkv];
    const recorder = new Recorder(this.#device.traits);
    switch (pass) {
      case 'forward': {
        const { rows, length, heads } = shape;
        dispatchTiles(recorder, shape, attentionKernel(shape, variant), [qkv, segments, output, logSums]);
        const values = [recorder.constant(rows * length * heads), dOutput, output, inner];
        recorder.dispatch(innerKernel(shape), values);
        break;
      }
      case 'query':
        dispatchTiles(recorder, shape, queryGradientKernel(shape, variant), gradient);
        break;
      case 'keyValue':
        dispatchTiles(recorder, shape, keyValueGradientKernel(shape, variant), gradient);
        break;
    }
    return Plan.compile(this.#device, recorder.finish(), (value) => this.#ranges.get(value) as BufferRange);
  }

  /** What one run of `plan` leaves where its pass writes. */
  async result(pass: AttentionPass, plan: Plan): Promise<Float32Array<ArrayBuffer>> {
    const range = this.#ranges.get(
      pass === 'forward' ? this.#arrays.output : this.#arrays.dQkv,
    ) as BufferRange;
    this.#device.memory.write(range, new Float32Array(range.bytes / 4));
    return new Float32Array(await plan.runAndRead(range));
  }

  /** One pass by itself. @param expected what it is to leave */
  ofPass(pass: AttentionPass, expected: Float32Array): Trial<AttentionVariant> {
    return {
      plan: (variant) => this.plan(pass, variant),
      isRight: async (plan) => AttentionTrial.agree(await this.result(pass, plan), expected),
    };
  }

  /** Whether two results are the same but for rounding. */
  static agree(result: Float32Array, expected: Float32Array): boolean {
    return relativeError(result, expected) <= TOLERANCE;
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#device.memory.free(buffer);
  }
}
