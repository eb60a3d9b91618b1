// Quantises arrays on their way to the GPU: rows go through one bounded staging buffer, whatever an array's size. Owns
// the staging buffer and the errors per tensor; needed only while weights are written.
import type { BufferRange, GpuMemory } from './gpu-memory';
import { quantiseKernel, sumSquaresKernel } from './kernels/quantise';
import type { Kernel } from './kernel';
import type { Pipelines } from './pipelines';
import { GROUP_SIZE, type QuantisedBits } from './quantise';

/** Elements that are staged at once: 4 MiB. */
export const STAGED_ELEMENTS = 2 ** 20;
const STAGED_GROUPS = STAGED_ELEMENTS / GROUP_SIZE;
const SQUARES_BYTES = STAGED_GROUPS * 8;
const MAX_TENSORS = 16_384;

interface Step {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

interface QuantiserBuffers {
  source: GPUBuffer;
  squares: GPUBuffer;
  place: GPUBuffer;
  totals: GPUBuffer;
}

const LABELS: Record<keyof QuantiserBuffers, string> = {
  source: 'rows to quantise',
  squares: 'squares of quantisation errors',
  place: 'place of the rows to quantise',
  totals: 'quantisation errors',
};

const BYTES: Record<keyof QuantiserBuffers, number> = {
  source: STAGED_ELEMENTS * 4,
  squares: SQUARES_BYTES,
  place: 256,
  totals: MAX_TENSORS * 8,
};

export interface QuantiserTarget {
  bits: QuantisedBits;
  words: BufferRange;
  /** null for 16 bits. */
  scales: BufferRange | null;
  /** Elements of the target in front of the first that is written, a multiple of 32. */
  offset: number;
}

async function compile(pipelines: Pipelines, kernel: Kernel): Promise<Step> {
  const readOnly = kernel.bindings.map(({ writes }) => !writes);
  return { pipeline: await pipelines.get(kernel, readOnly), layout: pipelines.layout(readOnly) };
}

export class Quantiser {
  readonly #memory: GpuMemory;
  readonly #buffers: QuantiserBuffers;
  readonly #quantise: Readonly<Record<QuantisedBits, Step>>;
  readonly #sum: Step;
  readonly #tensors = new Map<string, number>();

  private constructor(
    memory: GpuMemory,
    buffers: QuantiserBuffers,
    quantise: Readonly<Record<QuantisedBits, Step>>,
    sum: Step,
  ) {
    this.#memory = memory;
    this.#buffers = buffers;
    this.#quantise = quantise;
    this.#sum = sum;
  }

  /** @throws AppError `engine.out-of-memory` or `engine.kernel-failed`; nothing stays allocated then. */
  static async open(memory: GpuMemory, pipelines: Pipelines): Promise<Quantiser> {
    const [int4, int8, f16, sum] = await Promise.all([
      compile(pipelines, quantiseKernel(4, STAGED_GROUPS)),
      compile(pipelines, quantiseKernel(8, STAGED_GROUPS)),
      compile(pipelines, quantiseKernel(16, STAGED_GROUPS)),
      compile(pipelines, sumSquaresKernel()),
    ]);
    const allocated: GPUBuffer[] = [];
    const allocate = async (name: keyof QuantiserBuffers): Promise<GPUBuffer> => {
      const buffer = await memory.allocate(BYTES[name], LABELS[name]);
      allocated.push(buffer);
      return buffer;
    };
    try {
      const buffers = {
        source: await allocate('source'),
        squares: await allocate('squares'),
        place: await allocate('place'),
        totals: await allocate('totals'),
      };
      return new Quantiser(memory, buffers, { 4: int4, 8: int8, 16: f16 }, sum);
    } catch (error) {
      for (const buffer of allocated) memory.free(buffer);
      throw error;
    }
  }

  /** Whole rows of `tensor`; what follows on the device's queue sees them. */
  write(tensor: string, data: Float32Array, { bits, words, scales, offset }: QuantiserTarget): void {
    if (data.length % GROUP_SIZE !== 0 || offset % GROUP_SIZE !== 0) {
      throw new RangeError(`${tensor}: ${data.length} elements at ${offset} are no whole groups.`);
    }
    for (let start = 0; start < data.length; start += STAGED_ELEMENTS) {
      const piece = data.subarray(start, start + STAGED_ELEMENTS);
      this.#memory.write(this.source, piece);
      this.writeSource(tensor, piece.length, { bits, words, scales, offset: offset + start });
    }
  }

  /** Room for `STAGED_ELEMENTS` floats, to be filled on the device for `writeSource`. */
  get source(): BufferRange {
    return whole(this.#buffers.source);
  }

  /** As `write`, of the first `count` floats of `source`. */
  writeSource(tensor: string, count: number, { bits, words, scales, offset }: QuantiserTarget): void {
    const groups = count / GROUP_SIZE;
    const place = Uint32Array.of(groups, offset / GROUP_SIZE, this.#numberOf(tensor));
    this.#memory.write(whole(this.#buffers.place), place);
    this.#run(groups, this.#quantise[bits], scales === null ? [words] : [words, scales]);
  }

  /** Relative root mean square of what quantising changed, by tensor. */
  async errors(): Promise<Map<string, number>> {
    const totals = new Float32Array(await this.#memory.read(whole(this.#buffers.totals)));
    return new Map(
      [...this.#tensors].map(([name, index]) => {
        const [lost = NaN, all = NaN] = totals.subarray(2 * index, 2 * index + 2);
        return [name, all === 0 ? 0 : Math.sqrt(lost / all)];
      }),
    );
  }

  dispose(): void {
    for (const buffer of Object.values<GPUBuffer>({ ...this.#buffers })) this.#memory.free(buffer);
  }

  #numberOf(tensor: string): number {
    const number = this.#tensors.get(tensor) ?? this.#tensors.size;
    if (number >= MAX_TENSORS) throw new RangeError(`${tensor} is one more than ${MAX_TENSORS} tensors.`);
    this.#tensors.set(tensor, number);
    return number;
  }

  #run(groups: number, quantise: Step, target: readonly BufferRange[]): void {
    const { device } = this.#memory;
    const { source, place, squares, totals } = this.#buffers;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const step = ({ pipeline, layout }: Step, ranges: readonly BufferRange[], workgroups: number): void => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup(device, layout, ranges));
      pass.dispatchWorkgroups(workgroups);
    };
    const given = whole(place);
    step(quantise, [whole(source), given, ...target, whole(squares)], Math.ceil(groups / 64));
    step(this.#sum, [whole(squares), given, whole(totals)], 1);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }
}

const whole = (buffer: GPUBuffer): BufferRange => ({ buffer, offset: 0, bytes: buffer.size });

const bindGroup = (device: GPUDevice, layout: GPUBindGroupLayout, ranges: readonly BufferRange[]) =>
  device.createBindGroup({
    layout,
    entries: ranges.map(({ buffer, offset, bytes }, binding) => ({
      binding,
      resource: { buffer, offset, size: bytes },
    })),
  });
