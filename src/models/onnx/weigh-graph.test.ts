import { describe, expect, it } from 'vitest';
import type { OnnxArrayInfo, OnnxElement, OnnxNodeInfo } from '../../lib/formats/onnx-description';
import { weighGraph } from './weigh-graph';

const array = (name: string, type: OnnxElement, ...shape: number[]): OnnxArrayInfo => ({
  name,
  type,
  shape,
  sizeBytes: 0,
  external: null,
});
const node = (opType: string, inputs: string[], integers: Record<string, number> = {}): OnnxNodeInfo => ({
  name: opType,
  opType,
  domain: '',
  inputs,
  outputs: [],
  integers: new Map(Object.entries(integers)),
  hasSubgraph: false,
});

describe('weigh graph', () => {
  it('weigh graph: floats count, whole numbers that are shapes do not', () => {
    const arrays = [array('w', 'float32', 4, 8), array('axes', 'int64', 2), array('h', 'float16', 3)];
    expect(weighGraph({ arrays, nodes: [] })).toEqual({ parameters: 35, precision: 'F32' });
  });

  it('weigh graph: packed weights count as what they stand for, their scales not at all', () => {
    const arrays = [
      array('b', 'uint8', 16, 2, 16),
      array('scales', 'float32', 16, 2),
      array('e', 'uint8', 100, 8),
      array('es', 'float32', 100, 1),
      array('norm', 'float32', 64),
    ];
    const nodes = [
      node('MatMulNBits', ['x', 'b', 'scales'], { K: 64, N: 16, bits: 4 }),
      node('GatherBlockQuantized', ['e', 'ids', 'es'], { bits: 4 }),
    ];
    // 64 x 16, 100 x 16 and the norm.
    expect(weighGraph({ arrays, nodes })).toEqual({ parameters: 1024 + 1600 + 64, precision: 'INT4' });
  });
});
