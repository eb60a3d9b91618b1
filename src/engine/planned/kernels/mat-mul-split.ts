// The second half of a product whose sum over k was cut into parts: adds up the parts [splits, m, n], scales, and puts
// the result where it belongs.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import { UNPACK, matMulName, store, type MatMulShape } from './mat-mul-shape';

/** The numbers are those of the whole product, with `splits` in place of the elements of k per part. */
export function sumPartsKernel(shape: MatMulShape, workgroupSize: number): Kernel {
  const { m, n, plus } = shape;
  const { workgroups } = linearGrid(m * n, workgroupSize);
  return {
    name: `${matMulName(shape)} parts`,
    bindings: [
      reads('parts'),
      reads('q', 'array<u32>'),
      ...(plus === 'residual' ? [reads('r')] : []),
      writes('c'),
    ],
    code: `@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
${UNPACK}
let index = id.x + id.y * groups.x * ${workgroupSize}u;
if (index >= m * n) { return; }
var sum = 0.0;
for (var part = 0u; part < depth; part++) { sum += parts[part * m * n + index]; }
${store(shape, 'sum', 'c_start + index / n * c_stride + index % n')}
}`,
    workgroups,
    flops: m * n,
  };
}
