// What the adapter can do at most, measured: multiply-adds that touch no memory, and bytes copied from one array to
// another. Speeds of kernels mean something next to these.
import { Plan, Recorder, Tape, copy, externalValue, type PlanDevice } from '../../src/engine/planned';
import { writes, type Kernel } from '../../src/engine/planned/kernel';
import { GpuTimer } from '../../src/engine/planned/tune/gpu-timer';

export interface Roofline {
  /** A multiply-add counts two. */
  gflops: number;
  /** Read and written, 1e9 bytes per second. */
  gigabytesPerSecond: number;
}

/** As many vectors as stay in the 16 registers of a CPU, four lanes each: none of them goes through memory. */
const CHAINS = 3;
/** Multiply-adds of a chain in one turn of the loop. */
const UNROLLED = 8;
const WORKGROUP_SIZE = 64;
const ENOUGH_MS = 40;
const COPIED_BYTES = 32 * 1024 ** 2;

/** Independent chains of vector multiply-adds, so that none waits for another. */
function multiplyAdds(workgroups: number, steps: number): Kernel {
  const chains = Array.from({ length: CHAINS }, (_, index) => index);
  const each = chains.map((c) => `s${c} = s${c} * 0.9999 + x;`);
  const turn = Array.from({ length: UNROLLED }, () => each).flat();
  return {
    name: 'multiply-adds',
    bindings: [writes('result')],
    code: `@compute @workgroup_size(${WORKGROUP_SIZE}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
let x = vec4f(f32(id.x) * 1e-9);
${chains.map((c) => `var s${c} = x + ${c}.0;`).join('\n')}
for (var i = 0u; i < ${steps}u; i++) {
${turn.join('\n')}
}
let all = ${chains.map((c) => `s${c}`).join(' + ')};
result[id.x] = all.x + all.y + all.z + all.w;
}`,
    workgroups: [workgroups, 1, 1],
    flops: workgroups * WORKGROUP_SIZE * steps * turn.length * 8,
  };
}

/** Floating-point operations per second of a kernel that is made longer until its time can be told. */
async function arithmetic(device: PlanDevice, timer: GpuTimer, rounds: number): Promise<number> {
  const workgroups = device.traits.rowLanes === 1 ? 32 : 8192;
  const result = externalValue('result', [workgroups * WORKGROUP_SIZE]);
  const buffer = await device.memory.allocate(result.bytes, 'results of multiply-adds');
  let best = 0;
  for (let steps = 256, long = 0; long < rounds;) {
    const kernel = multiplyAdds(workgroups, steps);
    const recorder = new Recorder(device.traits);
    recorder.dispatch(kernel, [result]);
    const plan = await Plan.compile(device, recorder.finish(), () => ({
      buffer,
      offset: 0,
      bytes: result.bytes,
    }));
    // The first run compiles.
    await timer.measure(() => plan.run());
    const milliseconds = await timer.measure(() => plan.run());
    plan.dispose();
    if (milliseconds < ENOUGH_MS && steps < 2 ** 20) {
      steps *= 4;
      continue;
    }
    best = Math.max(best, kernel.flops / milliseconds);
    long += 1;
  }
  device.memory.free(buffer);
  return best * 1000;
}

async function copying(device: PlanDevice, timer: GpuTimer, rounds: number): Promise<number> {
  const shape = [COPIED_BYTES / 4];
  const [from, to] = [externalValue('from', shape), externalValue('to', shape)];
  const ranges = new Map<unknown, GPUBuffer>();
  for (const value of [from, to]) ranges.set(value, await device.memory.allocate(value.bytes, 'a copy'));
  const recorder = new Recorder(device.traits);
  copy(new Tape(recorder), from, to);
  const plan = await Plan.compile(device, recorder.finish(), (value) => ({
    buffer: ranges.get(value) as GPUBuffer,
    offset: 0,
    bytes: value.bytes,
  }));
  let best = Infinity;
  for (let round = 0; round <= rounds; round += 1)
    best = Math.min(best, await timer.measure(() => plan.run()));
  plan.dispose();
  for (const buffer of ranges.values()) device.memory.free(buffer);
  return (2 * COPIED_BYTES * 1000) / best;
}

export async function measureRoofline(device: PlanDevice, rounds: number): Promise<Roofline> {
  const timer = new GpuTimer(device.device);
  try {
    return {
      gflops: (await arithmetic(device, timer, rounds)) / 1e9,
      gigabytesPerSecond: (await copying(device, timer, rounds)) / 1e9,
    };
  } finally {
    timer.dispose();
  }
}
