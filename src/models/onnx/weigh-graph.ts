// How many weights an ONNX graph has, and what most of them are stored in. Weights in few bits are packed into bytes, with
// scales beside them, by operators that say so: they count as what they stand for. Pure.
import type { OnnxArrayInfo, OnnxDescription, OnnxElement } from '../../lib/formats/onnx-description';
import type { Precision } from '../../protocol/models';

export interface GraphWeight {
  parameters: number;
  precision: Precision;
}

const PRECISIONS: Partial<Record<OnnxElement, Precision>> = {
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int8: 'INT8',
  uint8: 'INT8',
  int4: 'INT4',
  uint4: 'INT4',
};

interface Packed {
  count: number;
  bits: number;
}

export function weighGraph({ arrays, nodes }: Pick<OnnxDescription, 'arrays' | 'nodes'>): GraphWeight {
  const packed = new Map<string, Packed>();
  const beside = new Set<string>();
  const byName = new Map(arrays.map((array) => [array.name, array]));
  for (const { opType, inputs, integers } of nodes) {
    const bits = integers.get('bits') ?? 4;
    if (opType === 'MatMulNBits') {
      packed.set(inputs[1] ?? '', { count: (integers.get('K') ?? 0) * (integers.get('N') ?? 0), bits });
      inputs.slice(2, 4).forEach((name) => beside.add(name));
    } else if (opType === 'GatherBlockQuantized') {
      packed.set(inputs[0] ?? '', { count: unpacked(byName.get(inputs[0] ?? ''), bits), bits });
      inputs.slice(2).forEach((name) => beside.add(name));
    }
  }
  let parameters = 0;
  const counts = new Map<Precision, number>();
  for (const array of arrays) {
    const few = packed.get(array.name);
    const precision = few === undefined ? PRECISIONS[array.type] : few.bits <= 4 ? 'INT4' : 'INT8';
    // Whole numbers are shapes and tables.
    if (precision === undefined || beside.has(array.name)) continue;
    const count = few?.count ?? countOf(array);
    parameters += count;
    counts.set(precision, (counts.get(precision) ?? 0) + count);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return { parameters, precision: most?.[0] ?? 'F32' };
}

const countOf = ({ shape }: OnnxArrayInfo): number => shape.reduce((count, size) => count * size, 1);

function unpacked(array: OnnxArrayInfo | undefined, bits: number): number {
  if (array === undefined) return 0;
  return countOf(array) * (array.type === 'uint8' ? 8 / bits : 1);
}
