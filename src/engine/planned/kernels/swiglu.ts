// SwiGLU (Shazeer 2020) on gate and up side by side: a = silu(gate) * up, silu(z) = z * sigmoid(z).
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Value } from '../recorder';
import type { Tape } from '../tape';

function swigluKernel(rows: number, size: number): Kernel {
  const grid = linearGrid(rows * size);
  return {
    name: `swiglu ${rows}x${size}`,
    bindings: [reads('gate_up'), writes('activation')],
    code: `${grid.signature} { ${grid.index}
  let at = (index / ${size}u) * ${2 * size}u + index % ${size}u;
  let gate = gate_up[at];
  activation[index] = gate / (1.0 + exp(-gate)) * gate_up[at + ${size}u];
}`,
    workgroups: grid.workgroups,
    flops: 8 * rows * size,
  };
}

/** d silu / dz = s * (1 + z * (1 - s)). */
function gradientKernel(rows: number, size: number): Kernel {
  const grid = linearGrid(rows * size);
  return {
    name: `swiglu gradient ${rows}x${size}`,
    bindings: [reads('d_activation'), reads('gate_up'), writes('d_gate_up')],
    code: `${grid.signature} { ${grid.index}
  let at = (index / ${size}u) * ${2 * size}u + index % ${size}u;
  let gate = gate_up[at];
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  let d = d_activation[index];
  d_gate_up[at] = d * gate_up[at + ${size}u] * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  d_gate_up[at + ${size}u] = d * gate * sigmoid;
}`,
    workgroups: grid.workgroups,
    flops: 14 * rows * size,
  };
}

/** @param gateUp [rows, 2 * size], gate first. @returns [rows, size]. */
export function swiglu(tape: Tape, gateUp: Value): Value {
  const { recorder } = tape;
  const [rows = 0, width = 0] = gateUp.shape;
  const size = width / 2;
  const activation = recorder.temporary('activation', [rows, size], gateUp.learns);
  recorder.dispatch(swigluKernel(rows, size), [gateUp, activation]);
  tape.rule(() => {
    const gradient = tape.gradient(activation);
    if (gradient === null || !gateUp.learns) return;
    const { value } = tape.target(gateUp);
    recorder.dispatch(gradientKernel(rows, size), [gradient, gateUp, value]);
  });
  return activation;
}
