// Activations as operations: of an array, or of a gate times what stands beside it (Shazeer 2020: SwiGLU, GeGLU).
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import { elements, type Value } from '../recorder';
import type { Tape } from '../tape';
import { activationCode, VECTOR, type Activation } from './activation';

interface Shape {
  rows: number;
  /** Of a row of the result. */
  size: number;
  kind: Activation;
}

interface Written {
  name: string;
  reads: readonly string[];
  writes: string;
  /** Statements for one element or vector of the result, `index`; `width` of them are a row. */
  code: (width: number) => string;
  flops: number;
}

function kernelOf({ rows, size, kind }: Shape, written: Written): Kernel {
  const vectors = size % VECTOR === 0;
  const width = vectors ? size / VECTOR : size;
  const type = vectors ? 'array<vec4<f32>>' : 'array<f32>';
  const grid = linearGrid(rows * width);
  return {
    name: `${written.name} ${kind} ${rows}x${size}`,
    bindings: [...written.reads.map((name) => reads(name, type)), writes(written.writes, type)],
    code: `${activationCode(kind, vectors)}
${grid.signature} { ${grid.index}
${written.code(width)}
}`,
    workgroups: grid.workgroups,
    flops: written.flops * rows * size,
  };
}

const gatePlace = (width: number): string =>
  `let at = (index / ${width}u) * ${2 * width}u + index % ${width}u; let up = at + ${width}u;`;

const gatedKernel = (shape: Shape): Kernel =>
  kernelOf(shape, {
    name: 'gated',
    reads: ['gate_up'],
    writes: 'activation',
    code: (width) => `${gatePlace(width)} activation[index] = value(gate_up[at]) * gate_up[up];`,
    flops: 8,
  });

const gatedGradientKernel = (shape: Shape): Kernel =>
  kernelOf(shape, {
    name: 'gated gradient',
    reads: ['d_activation', 'gate_up'],
    writes: 'd_gate_up',
    code: (width) => `${gatePlace(width)}
  let gate = gate_up[at];
  let d = d_activation[index];
  d_gate_up[at] = d * gate_up[up] * slope(gate);
  d_gate_up[up] = d * value(gate);`,
    flops: 14,
  });

const plainKernel = (shape: Shape): Kernel =>
  kernelOf(shape, {
    name: 'activation',
    reads: ['x'],
    writes: 'y',
    code: () => 'y[index] = value(x[index]);',
    flops: 8,
  });

const plainGradientKernel = (shape: Shape, adds: boolean): Kernel =>
  kernelOf(shape, {
    name: `activation gradient${adds ? ' adds' : ''}`,
    reads: ['dy', 'x'],
    writes: 'dx',
    code: () => `dx[index] ${adds ? '+=' : '='} dy[index] * slope(x[index]);`,
    flops: 10,
  });

/** @param gateUp [rows, 2 * size], gate first. @returns [rows, size]: activation of the gate, times what is beside it. */
export function gatedActivation(tape: Tape, gateUp: Value, kind: Activation): Value {
  const { recorder } = tape;
  const [rows = 0, width = 0] = gateUp.shape;
  const shape: Shape = { rows, size: width / 2, kind };
  const activation = recorder.temporary('activation', [rows, shape.size], gateUp.learns);
  recorder.dispatch(gatedKernel(shape), [gateUp, activation]);
  tape.rule(() => {
    const gradient = tape.gradient(activation);
    if (gradient === null || !gateUp.learns) return;
    const { value, adds } = tape.target(gateUp);
    if (adds) throw new Error('gatedActivation writes the whole gradient; something gave one before.');
    recorder.dispatch(gatedGradientKernel(shape), [gradient, gateUp, value]);
  });
  return activation;
}

/** @returns the shape of x. */
export function activate(tape: Tape, x: Value, kind: Activation): Value {
  const { recorder } = tape;
  const shape: Shape = { rows: 1, size: elements(x.shape), kind };
  const y = recorder.temporary('activation', x.shape, x.learns);
  recorder.dispatch(plainKernel(shape), [x, y]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null || !x.learns) return;
    const { value, adds } = tape.target(x);
    recorder.dispatch(plainGradientKernel(shape, adds), [dy, x, value]);
  });
  return y;
}
