// The planned engine's speed at a square product: what `auto` compares with the other backends.
import type { BufferRange } from '../planned/gpu-memory';
import { matMul } from '../planned/kernels/mat-mul';
import { Plan } from '../planned/plan';
import type { PlanDevice } from '../planned/plan-device';
import { externalValue, Recorder, type Value } from '../planned/recorder';

const SIZE = 512;
const REPEATS = 3;

/** GFLOP/s of a 512 x 512 product in float32, the best of three after one to warm up. */
export async function measurePlannedGflops(plans: PlanDevice): Promise<number> {
  const { memory } = plans;
  const square = (name: string): Value => externalValue(name, [SIZE, SIZE]);
  const [a, b, c] = [square('a'), square('b'), square('c')];
  const buffers = new Map<Value, GPUBuffer>();
  for (const value of [a, b, c]) buffers.set(value, await memory.allocate(value.bytes, 'a measurement'));
  const rangeOf = (value: Value): BufferRange => ({
    buffer: buffers.get(value) as GPUBuffer,
    offset: 0,
    bytes: value.bytes,
  });
  const recorder = new Recorder(plans.traits, plans.variantOf);
  matMul(recorder, { a, b, c }, { m: SIZE, n: SIZE, k: SIZE }, { transposeB: true });
  const plan = await Plan.compile(plans, recorder.finish(), rangeOf);
  let best = Infinity;
  for (let i = 0; i <= REPEATS; i += 1) {
    const start = performance.now();
    // Reading a value back is what waits for the GPU.
    await plan.runAndRead({ ...rangeOf(c), bytes: 4 });
    if (i > 0) best = Math.min(best, performance.now() - start);
  }
  plan.dispose();
  for (const buffer of buffers.values()) memory.free(buffer);
  return (2 * SIZE ** 3) / (Math.max(best, 0.01) * 1e6);
}
