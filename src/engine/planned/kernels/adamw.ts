// AdamW (Loshchilov and Hutter 2019) over flat arrays of parameters, with the norm of all gradients and its clipping on
// the GPU. A norm that is not finite changes nothing. What differs from step to step is data, never code.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import { elements, type Recorder, type Value } from '../recorder';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Partial sums of a norm. */
const PARTS = 1024;

const VECTORS = 'array<vec4<f32>>';
/** Vectors that one invocation updates: what all of them need is read once. */
const RUN = 8;

/** One flat array of parameters and what belongs to it, all of the same length, a multiple of four. */
export interface FlatParameters {
  value: Value;
  gradient: Value;
  moment1: Value;
  moment2: Value;
  /** Elements before it are decayed: matrices come first, then vectors. A multiple of four. */
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
    bindings: [reads('gradient', VECTORS), writes('parts')],
    code: `${grid.signature} { ${grid.index}
  var sum = vec4f();
  for (var i = index; i < ${size / 4}u; i += ${PARTS}u) { let g = gradient[i]; sum = fma(g, g, sum); }
  parts[index] = ${first === 0 ? '' : 'parts[index] + '}sum.x + sum.y + sum.z + sum.w;
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

/** Code for each vector `i` of arrays of `size` numbers, in steps that are applied. @param once what is read before. */
function eachVector(size: number, once: string, body: string): Pick<Kernel, 'code' | 'workgroups'> {
  const invocations = Math.ceil(size / 4 / RUN);
  const { signature, index, workgroups } = linearGrid(invocations);
  const code = `${signature} { ${index}
  if (norm[2] == 0.0) { return; }
  ${once}
  for (var i = index; i < ${size / 4}u; i += ${invocations}u) { ${body} }
}`;
  return { code, workgroups };
}

function updateKernel(size: number, decayed: number): Kernel {
  return {
    name: `adamw ${size}`,
    bindings: [
      writes('value', VECTORS),
      reads('gradient', VECTORS),
      writes('moment1', VECTORS),
      writes('moment2', VECTORS),
      reads('settings'),
      reads('norm'),
    ],
    ...eachVector(
      size,
      `let factor = norm[1];
  let rate = settings[2];
  let correction = settings[3];
  let shrink = settings[4];`,
      `
    let g = gradient[i] * factor;
    let m = ${float(BETA1)} * moment1[i] + ${float(1 - BETA1)} * g;
    let v = ${float(BETA2)} * moment2[i] + ${float(1 - BETA2)} * g * g;
    moment1[i] = m;
    moment2[i] = v;
    let kept = select(1.0, shrink, i < ${decayed / 4}u);
    value[i] = value[i] * kept - rate * m / (sqrt(v) * correction + ${float(EPSILON)});`,
    ),
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
  recorder.dispatch(
    {
      name: `average ${size}`,
      bindings: [reads('value', VECTORS), writes('average', VECTORS), reads('decay'), reads('norm')],
      ...eachVector(
        size,
        'let keep = decay[0];',
        'average[i] = keep * average[i] + (1.0 - keep) * value[i];',
      ),
      flops: 3 * size,
    },
    [value, average, decay, norm],
  );
}
