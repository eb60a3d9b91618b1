// Rows of a table by token id, and the gradient of the table: tokens come sorted by id as well, so that the first of each
// id sums its whole run. No atomics, always the same order. A table in few bits is turned into numbers as it is read; of
// one in parts each part gives the rows that it has.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import { partsOf, type Parameter, type ParameterPart } from '../parameter';
import type { QuantisedBits } from '../quantise';
import type { Value } from '../recorder';
import type { Tape } from '../tape';
import { VECTORS } from './mat-mul-shape';
import { elementReader } from './quantised-shape';

export interface TokenInputs {
  /** Ids, u32 [tokens]. */
  ids: Value;
  /** The same ids in ascending order, u32 [tokens]. */
  sortedIds: Value;
  /** Which token each of `sortedIds` is, u32 [tokens]. */
  order: Value;
}

/** Which ids a part of the table has, as numbers that differ between dispatches of one kernel: its first row and its rows. */
const PART = reads('part', 'array<u32>');
/** `row`: of the part; tokens of other parts are left alone. */
const ROW_OF_PART = 'let row = token - part[0]; if (token < part[0] || row >= part[1]) { return; }';

const times = (factor: number): string => (factor === 1 ? '' : ` * ${float(factor)}`);
const named = (factor: number): string => (factor === 1 ? '' : ` by ${factor}`);

function gatherKernel(tokens: number, width: number, factor: number): Kernel {
  const grid = linearGrid(tokens * width);
  return {
    name: `embedding ${tokens}x${width}${named(factor)}`,
    bindings: [reads('ids', 'array<u32>'), PART, reads('table'), writes('rows')],
    code: `${grid.signature} { ${grid.index}
  let token = ids[index / ${width}u];
  ${ROW_OF_PART}
  rows[index] = table[row * ${width}u + index % ${width}u]${times(factor)};
}`,
    workgroups: grid.workgroups,
    flops: tokens * width,
  };
}

/** One invocation for four elements. */
function quantisedGatherKernel(tokens: number, width: number, bits: QuantisedBits, factor: number): Kernel {
  const quarter = width / 4;
  const grid = linearGrid(tokens * quarter);
  return {
    name: `embedding ${bits} bits ${tokens}x${width}${named(factor)}`,
    bindings: [
      ...[reads('ids', 'array<u32>'), PART, reads('words', 'array<u32>')],
      ...(bits === 16 ? [] : [reads('scales')]),
      writes('rows', VECTORS),
    ],
    code: `${elementReader(bits)}
${grid.signature} { ${grid.index}
  let token = ids[index / ${quarter}u];
  ${ROW_OF_PART}
  let at = row * ${width}u + index % ${quarter}u * 4u;
  rows[index] = levels(at) * scale(at)${times(factor)};
}`,
    workgroups: grid.workgroups,
    flops: tokens * width,
  };
}

function gradientKernel(tokens: number, width: number, factor: number): Kernel {
  const grid = linearGrid(tokens * width);
  return {
    name: `embedding gradient ${tokens}x${width}${named(factor)}`,
    bindings: [
      reads('d_rows'),
      reads('sorted_ids', 'array<u32>'),
      reads('order', 'array<u32>'),
      PART,
      writes('d_table'),
    ],
    code: `${grid.signature} { ${grid.index}
  let column = index % ${width}u;
  let first = index / ${width}u;
  let token = sorted_ids[first];
  if (first > 0u && sorted_ids[first - 1u] == token) { return; }
  ${ROW_OF_PART}
  var sum = 0.0;
  for (var i = first; i < ${tokens}u && sorted_ids[i] == token; i++) {
    sum += d_rows[order[i] * ${width}u + column];
  }
  d_table[row * ${width}u + column] += sum${times(factor)};
}`,
    workgroups: grid.workgroups,
    flops: tokens * width,
  };
}

/** @param table [vocabulary, width]; @param factor what rows are multiplied with. @returns [tokens, width]. */
export function embedding(
  tape: Tape,
  table: Parameter,
  { ids, sortedIds, order }: TokenInputs,
  factor = 1,
): Value {
  const { recorder } = tape;
  const [tokens = 0] = ids.shape;
  const width = table.value.shape[1] ?? 0;
  const rows = recorder.temporary('embedded', [tokens, width], table.gradient !== null);
  const places = ({ row, rows: count }: ParameterPart): Value => recorder.constant(row, count);
  for (const part of partsOf(table)) {
    const { value, quantised } = part;
    const kernel =
      quantised === undefined
        ? gatherKernel(tokens, width, factor)
        : quantisedGatherKernel(tokens, width, quantised.bits, factor);
    const scales = quantised?.scales ?? null;
    recorder.dispatch(kernel, [ids, places(part), value, ...(scales === null ? [] : [scales]), rows]);
  }
  tape.rule(() => {
    const dRows = tape.gradient(rows);
    if (dRows === null) return;
    for (const part of partsOf(table)) {
      if (part.gradient === null) continue;
      const operands = [dRows, sortedIds, order, places(part), part.gradient];
      recorder.dispatch(gradientKernel(tokens, width, factor), operands);
    }
  });
  return rows;
}
