// AdamW (Loshchilov and Hutter 2019) over flat arrays of parameters, with the norm of all gradients and its clipping on
// the GPU. A norm that is not finite changes nothing. What differs from step to step is data, never code.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import { elements, type Recorder, type Value } from '../recorder';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Partial sums of a norm. */
const PARTS = 1024;

/** One flat array of parameters and what belongs to it, all of the same length. */
export interface FlatParameters {
  value: Value;
  gradient: Value;
  moment1: Value;
  moment2: Value;
  /** Elements before it are decayed: matrices come first, then vectors. */
  decayed: number;
}

/** f32 [8]; see `adamWSettings`. */
export const SETTINGS_SIZE = 8;

export interface AdamWSettings {
  targetTokens: number;
  learningRate: number;
  weightDecay: number;
  /** 0 is off. */
  maxGradNorm: number;
  /** Steps that changed the parameters, this one included. */
  appliedSteps: number;
}

/** Bias corrections are computed here, in 64 bits, and anew for each step. */
export function adamWSettings(settings: AdamWSettings): Float32Array<ArrayBuffer> {
  const { targetTokens, learningRate, weightDecay, maxGradNorm, appliedSteps } = settings;
  return Float32Array.of(
    1 / targetTokens,
    maxGradNorm,
    learningRate / (1 - BETA1 ** appliedSteps),
    1 / Math.sqrt(1 - BETA2 ** appliedSteps),
    1 - learningRate * weightDecay,
    0,
    0,
    0,
  );
}

function squaresKernel(size: number, first: number): Kernel {
  const grid = linearGrid(PARTS);
  return {
    name: `squares ${size}`,
    bindings: [reads('gradient'), writes('parts')],
    code: `${grid.signature} { ${grid.index}
  var sum = ${first === 0 ? '0.0' : 'parts[index]'};
  for (var i = index; i < ${size}u; i += ${PARTS}u) { let g = gradient[i]; sum = fma(g, g, sum); }
  parts[index] = sum;
}`,
    workgroups: grid.workgroups,
    flops: 2 * size,
  };
}

/** norm[0]: of the averaged gradients; norm[1]: what they are multiplied with, 0 where nothing may change; norm[2]: 1 if applied. */
const NORM_KERNEL: Kernel = {
  name: 'gradient norm',
  bindings: [reads('parts'), reads('settings'), writes('norm')],
  code: `var<workgroup> sums: array<f32, 64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < ${PARTS}u; i += 64u) { sum += parts[i]; }
  sums[lane] = sum;
  for (var width = 32u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { sums[lane] += sums[lane + width]; }
  }
  if (lane != 0u) { return; }
  let value = sqrt(sums[0]) * settings[0];
  // By its bits: compilers may take for granted that numbers are finite.
  let finite = (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
  let clip = select(1.0, min(1.0, settings[1] / (value + 1e-6)), settings[1] > 0.0);
  norm[0] = value;
  norm[1] = select(0.0, clip * settings[0], finite);
  norm[2] = select(0.0, 1.0, finite);
}`,
  workgroups: [1, 1, 1],
  flops: PARTS,
};

function updateKernel(size: number, decayed: number): Kernel {
  const grid = linearGrid(size);
  return {
    name: `adamw ${size}`,
    bindings: [
      writes('value'),
      reads('gradient'),
      writes('moment1'),
      writes('moment2'),
      reads('settings'),
      reads('norm'),
    ],
    code: `${grid.signature} { ${grid.index}
  if (norm[2] == 0.0) { return; }
  let g = gradient[index] * norm[1];
  let m = ${float(BETA1)} * moment1[index] + ${float(1 - BETA1)} * g;
  let v = ${float(BETA2)} * moment2[index] + ${float(1 - BETA2)} * g * g;
  moment1[index] = m;
  moment2[index] = v;
  let shrink = select(1.0, settings[4], index < ${decayed}u);
  value[index] = value[index] * shrink - settings[2] * m / (sqrt(v) * settings[3] + ${float(EPSILON)});
}`,
    workgroups: grid.workgroups,
    flops: 14 * size,
  };
}

/** @param settings f32 [SETTINGS_SIZE]; @param norm f32 [4], written: norm, factor, whether it was applied. */
export function adamW(
  recorder: Recorder,
  flats: readonly FlatParameters[],
  settings: Value,
  norm: Value,
): void {
  const parts = recorder.temporary('norm parts', [PARTS]);
  flats.forEach(({ gradient }, index) => {
    recorder.dispatch(squaresKernel(elements(gradient.shape), index), [gradient, parts]);
  });
  recorder.dispatch(NORM_KERNEL, [parts, settings, norm]);
  for (const { value, gradient, moment1, moment2, decayed } of flats) {
    const kernel = updateKernel(elements(value.shape), decayed);
    recorder.dispatch(kernel, [value, gradient, moment1, moment2, settings, norm]);
  }
}

/** average = decay * average + (1 - decay) * value, where the step was applied. @param decay f32 [1]. */
export function followAverage(
  recorder: Recorder,
  value: Value,
  average: Value,
  decay: Value,
  norm: Value,
): void {
  const size = elements(value.shape);
  const grid = linearGrid(size);
  recorder.dispatch(
    {
      name: `average ${size}`,
      bindings: [reads('value'), writes('average'), reads('decay'), reads('norm')],
      code: `${grid.signature} { ${grid.index}
  if (norm[2] == 0.0) { return; }
  average[index] = decay[0] * average[index] + (1.0 - decay[0]) * value[index];
}`,
      workgroups: grid.workgroups,
      flops: 3 * size,
    },
    [value, average, decay, norm],
  );
}
