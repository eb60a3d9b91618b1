import { describe, expect, it } from 'vitest';
import { collectFile, onnxFiles, type OnnxModel } from './onnx';
import { checkDataFiles, dataFilesOf } from './onnx-data';
import { OnnxGraph } from './onnx-graph';
import { readOnnx } from './onnx-reader';
import { ProtobufWriter } from './protobuf-writer';

/** y = Gather(w, x) with a weight of a few kilobytes. */
function gather(rows: number): OnnxModel {
  const graph = new OnnxGraph();
  const weight = {
    name: 'w',
    type: 'float' as const,
    shape: [rows, 2],
    chunks: () => [new Uint8Array(rows * 8)],
  };
  graph.node('/Gather', [graph.array(weight), 'x'], { attributes: { axis: { int: 0 } }, outputs: ['y'] });
  graph.integers('axes', [0]);
  return graph.model(
    'test',
    'gather',
    [{ name: 'x', type: 'int64', shape: ['batch', 4] }],
    [{ name: 'y', type: 'float', shape: ['batch', 4, 2] }],
  );
}

/** Counts what is read of it. */
class WatchedBlob extends Blob {
  read = 0;

  override slice(start = 0, end = this.size): Blob {
    this.read += end - start;
    return super.slice(start, end);
  }
}

async function fileOf(model: OnnxModel, external: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const [file] = onnxFiles(model, 'm.onnx', external);
  if (file === undefined) throw new Error('No file was written.');
  return collectFile(file);
}

describe('onnx reader', () => {
  it('onnx reader: what a graph takes, gives and holds', async () => {
    const graph = await readOnnx(new Blob([await fileOf(gather(256), false)]));
    expect(graph.inputs).toEqual([{ name: 'x', type: 'int64', shape: ['batch', 4] }]);
    expect(graph.outputs).toEqual([{ name: 'y', type: 'float32', shape: ['batch', 4, 2] }]);
    expect(graph.opsets.get('')).toBe(21);
    expect(graph.nodes).toMatchObject([
      { opType: 'Gather', inputs: ['w', 'x'], outputs: ['y'], hasSubgraph: false },
    ]);
    expect(graph.nodes[0]?.integers.get('axis')).toBe(0);
    expect(graph.arrays).toEqual([
      { name: 'w', type: 'float32', shape: [256, 2], sizeBytes: 2048, external: null },
      { name: 'axes', type: 'int64', shape: [1], sizeBytes: 8, external: null },
    ]);
  });

  it('onnx reader: weights are skipped, wherever they lie', async () => {
    const blob = new WatchedBlob([await fileOf(gather(200_000), false)]);
    expect(blob.size).toBeGreaterThan(1_600_000);
    await readOnnx(blob);
    // Windows of 64 KiB at the start, behind the weight, and where a message is looked into again.
    expect(blob.read).toBeLessThan(5 * 65_536);
  });

  it('onnx reader: weights beside the graph, by file, place and length', async () => {
    const { arrays } = await readOnnx(new Blob([await fileOf(gather(256), true)]));
    expect(arrays[0]?.external).toEqual({ location: 'm.onnx_data', offset: 0 });
    expect(dataFilesOf(arrays)).toEqual(['m.onnx_data']);
    expect(() => checkDataFiles(arrays, new Map([['m.onnx_data', 2048]]))).not.toThrow();
    expect(() => checkDataFiles(arrays, new Map([['m.onnx_data', 2047]]))).toThrow('w ends at byte 2048');
    expect(() => checkDataFiles(arrays, new Map())).toThrow('m.onnx_data is missing');
  });

  it('onnx reader: weights among the inputs are not what has to be fed', async () => {
    const model = gather(4);
    const listed = { name: 'w', type: 'float' as const, shape: [4, 2] };
    const graph = await readOnnx(
      new Blob([await fileOf({ ...model, inputs: [...model.inputs, listed] }, false)]),
    );
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it('onnx reader: what a subgraph takes from around it is an input of its operator', async () => {
    const writer = new ProtobufWriter<never>();
    writer.message(7, (graph) => {
      graph.message(1, (node) => {
        node.text(1, 'condition');
        node.text(2, 'y');
        node.text(4, 'If');
        node.message(5, (attribute) => {
          attribute.text(1, 'then_branch');
          attribute.message(6, (inner) => {
            inner.message(1, (add) => {
              for (const name of ['outer', 'own']) add.text(1, name);
              add.text(2, 'sum');
              add.text(4, 'Add');
            });
            inner.message(5, (tensor) => {
              tensor.integers(1, [1]);
              tensor.integer(2, 1);
              tensor.text(8, 'own');
              tensor.bytes(9, new Uint8Array(4));
            });
            inner.message(12, (value) => value.text(1, 'sum'));
          });
        });
      });
      for (const name of ['condition', 'outer']) graph.message(11, (value) => value.text(1, name));
      graph.message(12, (value) => value.text(1, 'y'));
    });
    const graph = await readOnnx(new Blob(writer.parts()));
    expect(graph.nodes).toMatchObject([{ inputs: ['condition', 'outer'], hasSubgraph: true }]);
    expect(graph.arrays.map(({ name }) => name)).toEqual(['own']);
  });
});
