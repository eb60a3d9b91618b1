// Runs recorded operations on the page's WebGPU device and reads what they left. One device for all files of a page.
import { openGpu } from '../../src/engine/device/gpu-device';
import { copy } from '../../src/engine/planned/kernels/elementwise';
import type { BufferRange } from '../../src/engine/planned/gpu-memory';
import { Plan } from '../../src/engine/planned/plan';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { externalValue, Recorder, type DeviceTraits, type Value } from '../../src/engine/planned/recorder';
import { Tape } from '../../src/engine/planned/tape';
import { Random } from '../../src/lib/random';

export type Data = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

let opened: Promise<PlanDevice> | null = null;

export function planDevice(): Promise<PlanDevice> {
  opened ??= openGpu(navigator.gpu).then((gpu) => {
    if (gpu === null) throw new Error('There is no WebGPU adapter.');
    return new PlanDevice(gpu.device, gpu.report);
  });
  return opened;
}

/** A device whose tuning and variants set aside are its own, on the same GPU. */
export async function ownPlanDevice(): Promise<PlanDevice> {
  const { device } = await planDevice();
  return new PlanDevice(device, { vendor: '', software: true });
}

export interface Bench {
  tape: Tape;
  /** An external array with this content. `learns` asks for gradients by it. */
  input: (name: string, shape: readonly number[], data: Data, learns?: boolean) => Value;
}

/**
 * Records, runs once and reads the values that `record` returns by name.
 * @param variantOf as a `Recorder` takes it; @param traits in place of the device's.
 */
export async function run(
  record: (bench: Bench) => Record<string, Value>,
  variantOf: Recorder['variantOf'] = null,
  traits: Partial<DeviceTraits> = {},
): Promise<Record<string, Float32Array<ArrayBuffer>>> {
  const device = await planDevice();
  const tape = new Tape(new Recorder({ ...device.traits, ...traits }, variantOf));
  const inputs = new Map<Value, Data>();
  const input: Bench['input'] = (name, shape, data, learns = false) => {
    const value = externalValue(name, shape, { learns });
    inputs.set(value, data);
    return value;
  };
  const wanted = Object.entries(record({ tape, input })).map(([name, value]) => {
    const kept = value.external ? value : externalValue(name, value.shape);
    if (kept !== value) copy(tape, value, kept);
    return { name, kept };
  });
  const ranges = new Map<Value, BufferRange>();
  for (const value of new Set([...inputs.keys(), ...wanted.map(({ kept }) => kept)])) {
    const range = {
      buffer: await device.memory.allocate(value.bytes, value.name),
      offset: 0,
      bytes: value.bytes,
    };
    ranges.set(value, range);
    const data = inputs.get(value);
    if (data !== undefined) device.memory.write(range, data);
  }
  const plan = await Plan.compile(device, tape.recorder.finish(), (value) => {
    const range = ranges.get(value);
    if (range === undefined) throw new Error(`${value.name} has no memory.`);
    return range;
  });
  plan.run();
  const results: Record<string, Float32Array<ArrayBuffer>> = {};
  for (const { name, kept } of wanted) {
    results[name] = new Float32Array(await device.memory.read(ranges.get(kept) as BufferRange));
  }
  plan.dispose();
  for (const { buffer } of ranges.values()) device.memory.free(buffer);
  return results;
}

let random = new Random(3);

/** Starts the draws again. */
export function drawAnew(): void {
  random = new Random(3);
}

/** Normal draws. */
export const draws = (size: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: size }, () => random.normal());
