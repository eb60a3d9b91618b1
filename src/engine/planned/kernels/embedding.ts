// Rows of a table by token id, and the gradient of the table: tokens come sorted by id as well, so that the first of each
// id sums its whole run. No atomics, always the same order.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import type { Tape } from '../tape';

export interface TokenInputs {
  /** Ids, u32 [tokens]. */
  ids: Value;
  /** The same ids in ascending order, u32 [tokens]. */
  sortedIds: Value;
  /** Which token each of `sortedIds` is, u32 [tokens]. */
  order: Value;
}

function gatherKernel(tokens: number, width: number): Kernel {
  const grid = linearGrid(tokens * width);
  return {
    name: `embedding ${tokens}x${width}`,
    bindings: [reads('ids', 'array<u32>'), reads('table'), writes('rows')],
    code: `${grid.signature} { ${grid.index}
  rows[index] = table[ids[index / ${width}u] * ${width}u + index % ${width}u];
}`,
    workgroups: grid.workgroups,
    flops: tokens * width,
  };
}

function gradientKernel(tokens: number, width: number): Kernel {
  const grid = linearGrid(tokens * width);
  return {
    name: `embedding gradient ${tokens}x${width}`,
    bindings: [
      reads('d_rows'),
      reads('sorted_ids', 'array<u32>'),
      reads('order', 'array<u32>'),
      writes('d_table'),
    ],
    code: `${grid.signature} { ${grid.index}
  let column = index % ${width}u;
  let first = index / ${width}u;
  let token = sorted_ids[first];
  if (first > 0u && sorted_ids[first - 1u] == token) { return; }
  var sum = 0.0;
  for (var i = first; i < ${tokens}u && sorted_ids[i] == token; i++) {
    sum += d_rows[order[i] * ${width}u + column];
  }
  d_table[token * ${width}u + column] += sum;
}`,
    workgroups: grid.workgroups,
    flops: tokens * width,
  };
}

/** @param table [vocabulary, width]. @returns [tokens, width]. */
export function embedding(tape: Tape, table: Parameter, { ids, sortedIds, order }: TokenInputs): Value {
  const { recorder } = tape;
  const [tokens = 0] = ids.shape;
  const width = table.value.shape[1] ?? 0;
  const rows = recorder.temporary('embedded', [tokens, width], table.gradient !== null);
  recorder.dispatch(gatherKernel(tokens, width), [ids, table.value, rows]);
  tape.rule(() => {
    const gradient = tape.gradient(rows);
    if (gradient === null || table.gradient === null) return;
    recorder.dispatch(gradientKernel(tokens, width), [gradient, sortedIds, order, table.gradient]);
  });
  return rows;
}
