// A matrix in few bits, or some rows of it, in f32.
import { reads, spread, writes, type Kernel } from '../kernel';
import type { QuantisedBits } from '../quantise';
import { VECTORS } from './mat-mul-shape';
import { elementReader } from './quantised-shape';

const WORKGROUP = 64;

/**
 * One invocation for four elements. Numbers `q`, in fours of elements: how many, and how many of W lie in front of them.
 * @param count of elements.
 */
export function expandKernel(bits: QuantisedBits, count: number): Kernel {
  return {
    name: `expand ${bits} bits ${count}`,
    bindings: [
      reads('words', 'array<u32>'),
      ...(bits === 16 ? [] : [reads('scales')]),
      reads('q', 'array<u32>'),
      writes('w', VECTORS),
    ],
    code: `${elementReader(bits)}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
let index = id.x + id.y * count.x * ${WORKGROUP}u;
if (index >= q[0]) { return; }
let at = 4u * (q[1] + index);
w[index] = levels(at) * scale(at);
}`,
    workgroups: spread(Math.ceil(count / 4 / WORKGROUP)),
    flops: count,
  };
}
