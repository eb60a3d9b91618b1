// Some rows of a matrix, chosen by number.
import { linearGrid, reads, writes } from '../kernel';
import type { Recorder, Value } from '../recorder';

/** @param x [rows, width]; @param numbers u32 [count]. @returns [count, width]. */
export function gatherRows(recorder: Recorder, x: Value, numbers: Value): Value {
  const [count = 0] = numbers.shape;
  const width = x.shape[1] ?? 0;
  const gathered = recorder.temporary('gathered', [count, width]);
  const grid = linearGrid(count * width);
  recorder.dispatch(
    {
      name: `gather rows ${count}x${width}`,
      bindings: [reads('x'), reads('numbers', 'array<u32>'), writes('gathered')],
      code: `${grid.signature} { ${grid.index}
  gathered[index] = x[numbers[index / ${width}u] * ${width}u + index % ${width}u];
}`,
      workgroups: grid.workgroups,
      flops: count * width,
    },
    [x, numbers, gathered],
  );
  return gathered;
}
