// What is added to every row of an array, and its gradient: the sum of columns.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Recorder, Value } from '../recorder';
import type { Tape } from '../tape';

function biasKernel(rows: number, size: number): Kernel {
  const grid = linearGrid(rows * size);
  return {
    name: `bias ${rows}x${size}`,
    bindings: [reads('bias'), writes('y')],
    code: `${grid.signature} { ${grid.index} y[index] += bias[index % ${size}u]; }`,
    workgroups: grid.workgroups,
    flops: rows * size,
  };
}

function columnSumsKernel(rows: number, size: number): Kernel {
  const grid = linearGrid(size, 8);
  return {
    name: `column sums ${rows}x${size}`,
    bindings: [reads('dy'), writes('sums')],
    code: `${grid.signature} { ${grid.index}
  var sum = 0.0;
  for (var at = index; at < ${rows * size}u; at += ${size}u) { sum += dy[at]; }
  sums[index] += sum;
}`,
    workgroups: grid.workgroups,
    flops: rows * size,
  };
}

/** sums [columns] += the sum of the rows of dy [rows, columns]. */
export function addColumnSums(recorder: Recorder, dy: Value, sums: Value): void {
  const [rows = 0, size = 0] = dy.shape;
  recorder.dispatch(columnSumsKernel(rows, size), [dy, sums]);
}

/** y += bias, in place. @param y [rows, columns], whose gradient others ask for as well; @param bias [columns]. */
export function addBias(tape: Tape, y: Value, { value, gradient }: Parameter): void {
  const { recorder } = tape;
  const [rows = 0, size = 0] = y.shape;
  recorder.dispatch(biasKernel(rows, size), [value, y]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy !== null && gradient !== null) addColumnSums(recorder, dy, gradient);
  });
}
