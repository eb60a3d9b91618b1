// Kernels that reduce over rows: one invocation a row, or a workgroup a row that shares the work. Written once for both:
// `each` runs over the invocation's share of a row, `total` sums a private number over those that share the row.
import { spread, type Kernel, type KernelBinding } from './kernel';
import { SHARED_ROWS } from './kernel-variants';

export interface RowKernel {
  name: string;
  rows: number;
  size: number;
  bindings: readonly KernelBinding[];
  /** Statements of one row. In scope: `row`, `base` (row * size), and what the helpers below declare. */
  body: string;
  /** Functions and constants in front of `main`. */
  head?: string;
  flops: number;
}

/** `for` over the columns of this invocation's share. */
export const each = (size: number, lanes: number, body: string): string =>
  lanes === 1
    ? `for (var column = 0u; column < ${size}u; column++) { ${body} }`
    : `for (var column = lane; column < ${size}u; column += ${lanes}u) { ${body} }`;

/** Reduces the variable `name` over the row: afterwards every invocation of the row has the result. */
export function reduced(name: string, lanes: number, operator: 'sum' | 'max' = 'sum'): string {
  if (lanes === 1) return '';
  const [mine, other] = ['shared_row[lane]', 'shared_row[lane + width]'];
  const combined = operator === 'sum' ? `${mine} + ${other}` : `max(${mine}, ${other})`;
  return `
  workgroupBarrier();
  shared_row[lane] = ${name};
  for (var width = ${lanes / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { shared_row[lane] = ${combined}; }
  }
  workgroupBarrier();
  ${name} = shared_row[0];`;
}

/** Only one of those who share a row. */
export const once = (lanes: number, statement: string): string =>
  lanes === 1 ? statement : `if (lane == 0u) { ${statement} }`;

/** Rows of a workgroup where each invocation has a row of its own. */
const ROWS_PER_GROUP = 8;

export function rowKernel(
  { name, rows, size, bindings, body, head = '', flops }: RowKernel,
  lanes: number,
): Kernel {
  const groups = lanes === 1 ? Math.ceil(rows / ROWS_PER_GROUP) : rows;
  const workgroups = spread(groups);
  const [x] = workgroups;
  const shared = lanes === 1 ? '' : `var<workgroup> shared_row: array<f32, ${lanes}>;`;
  const row =
    lanes === 1
      ? `let row = (group.x + group.y * ${x}u) * ${ROWS_PER_GROUP}u + lane;`
      : `let row = group.x + group.y * ${x}u;`;
  return {
    name: `${name} ${rows}x${size}`,
    ...(lanes === 1 ? {} : { variant: SHARED_ROWS }),
    bindings,
    code: `${head}
${shared}
@compute @workgroup_size(${lanes === 1 ? ROWS_PER_GROUP : lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  ${row}
  if (row >= ${rows}u) { return; }
  let base = row * ${size}u;
  ${body}
}`,
    workgroups,
    flops,
  };
}
