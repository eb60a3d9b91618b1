// Kernels that treat every element alike: copies, sums and dropout. Four elements per invocation where lengths allow.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import { elements, type Value } from '../recorder';
import type { GradientTarget, Tape } from '../tape';

const VEC = 'array<vec4<f32>>';

/** A kernel over `count` elements; `body` computes element `index`, in vectors where `count` allows. */
function perElement(
  name: string,
  count: number,
  inputs: string[],
  output: string,
  expression: string,
): Kernel {
  const vectors = count % 4 === 0;
  const type = vectors ? VEC : 'array<f32>';
  const grid = linearGrid(vectors ? count / 4 : count);
  return {
    name: `${name} ${count}`,
    bindings: [...inputs.map((input) => reads(input, type)), writes(output, type)],
    code: `${grid.signature} { ${grid.index} ${output}[index] = ${expression}; }`,
    workgroups: grid.workgroups,
    flops: count,
  };
}

/** to = from */
export function copy({ recorder }: Tape, from: Value, to: Value): void {
  const kernel = perElement('copy', elements(from.shape), ['source'], 'result', 'source[index]');
  recorder.dispatch(kernel, [from, to]);
}

/** Puts `gradient` where a rule wants it, for rules whose gradient is an array that exists already. */
export function giveGradient(tape: Tape, value: Value, gradient: Value): void {
  if (tape.gradient(value) === null) tape.hand(value, gradient);
  else accumulate(tape, gradient, tape.target(value).value);
}

/** to += from */
function accumulate({ recorder }: Tape, from: Value, to: Value): void {
  const kernel = perElement(
    'accumulate',
    elements(from.shape),
    ['source'],
    'result',
    'result[index] + source[index]',
  );
  recorder.dispatch(kernel, [from, to]);
}

/** a + b, of one shape; a new array. */
export function add(tape: Tape, a: Value, b: Value): Value {
  const { recorder } = tape;
  const y = recorder.temporary('sum', a.shape, a.learns || b.learns);
  const kernel = perElement('add', elements(a.shape), ['a', 'b'], 'result', 'a[index] + b[index]');
  recorder.dispatch(kernel, [a, b, y]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    if (b.learns) {
      const { value, adds } = tape.target(b);
      if (adds) accumulate(tape, dy, value);
      else copy(tape, dy, value);
    }
    // Last: from here on the array of dy is a's gradient and will be added to.
    if (a.learns) giveGradient(tape, a, dy);
  });
  return y;
}

/** PCG output function (O'Neill 2014) over a counter: a draw is a function of (seed, site, element). */
const HASH = `
fn draw(seed: u32, site: u32, index: u32) -> f32 {
  var state = index * 747796405u + (seed ^ (site * 2891336453u)) + 2891336453u;
  state = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  state = (state >> 22u) ^ state;
  state = state * 747796405u + seed;
  state = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  state = (state >> 22u) ^ state;
  return f32(state >> 8u) / 16777216.0;
}`;

export interface Dropout {
  probability: number;
  /** [1] as u32: changes with every micro-batch. */
  seed: Value;
  /** Which mask of the pass this is. */
  site: number;
}

function dropoutKernel(count: number, { probability, site }: Dropout, adds: boolean): Kernel {
  const grid = linearGrid(count);
  const kept = float(1 / (1 - probability));
  const old = adds ? 'result[index] + ' : '';
  return {
    name: `dropout ${count}${adds ? ' adds' : ''}`,
    bindings: [reads('source'), reads('seed', 'array<u32>'), writes('result')],
    code: `${HASH}
${grid.signature} { ${grid.index}
  let factor = select(${kept}, 0.0, draw(seed[0], ${site}u, index) < ${float(probability)});
  result[index] = ${old}source[index] * factor;
}`,
    workgroups: grid.workgroups,
    flops: 2 * count,
  };
}

/** x with elements dropped and the others scaled up; the same mask for the same (seed, site) wherever it is asked for. */
export function dropout({ recorder }: Tape, x: Value, options: Dropout): Value {
  const result = recorder.temporary(`dropout ${x.name}`, x.shape, x.learns);
  recorder.dispatch(dropoutKernel(elements(x.shape), options, false), [x, options.seed, result]);
  return result;
}

/** The gradient through `dropout`, put where it belongs. */
export function dropoutGradient(
  { recorder }: Tape,
  dy: Value,
  { value, adds }: GradientTarget,
  options: Dropout,
): void {
  recorder.dispatch(dropoutKernel(elements(dy.shape), options, adds), [dy, options.seed, value]);
}
