import { describe, expect, it } from 'vitest';
import { collectFile, onnxFiles, type OnnxArray, type OnnxModel, type StreamedFile } from './onnx';
import { MICROSOFT, OnnxGraph } from './onnx-graph';

/** Fields of a message by number: integers, or bytes. */
type Fields = Map<number, (number | Uint8Array)[]>;

function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    const length = kind === 0 ? 0 : kind === 5 ? 4 : varint();
    const value = kind === 0 ? varint() : bytes.subarray(at, (at += length));
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((value) => fieldsOf(value as Uint8Array));
const texts = (fields: Fields | undefined, field: number): string[] =>
  (fields?.get(field) ?? []).map((value) => new TextDecoder().decode(value as Uint8Array));

function floats(name: string, shape: number[], values: readonly number[], onRead?: () => void): OnnxArray {
  const chunks = () => {
    onRead?.();
    return [new Uint8Array(Float32Array.from(values).buffer)];
  };
  return { name, type: 'float', shape, chunks };
}

/** y = x + each of the arrays. */
function sum(arrays: OnnxArray[]): OnnxModel {
  const graph = new OnnxGraph();
  const last = arrays.reduce(
    (x, array, i) =>
      graph.node(`/${i}/Add`, [x, graph.array(array)], {
        attributes: { axis: { int: -1 }, by: { float: 1.5 } },
      }),
    'x',
  );
  graph.node('/BiasGelu', [last, '', 'x'], { domain: MICROSOFT, outputs: ['y'] });
  const values = (name: string) => [{ name, type: 'float' as const, shape: ['batch_size', 3] }];
  return graph.model('test', 'sum', values('x'), values('y'));
}

async function read(files: StreamedFile[]): Promise<Map<string, Uint8Array>> {
  const read = new Map<string, Uint8Array>();
  for (const file of files) read.set(file.name, await collectFile(file));
  return read;
}

describe('onnxFiles', () => {
  it('onnxFiles: nodes, values and opsets are where onnx.proto has them', async () => {
    const files = await read(onnxFiles(sum([floats('w', [3], [1, 2, 3])]), 'm.onnx', false));
    const model = fieldsOf(files.get('m.onnx') ?? new Uint8Array());
    expect(model.get(1)).toEqual([10]);
    expect(messages(model, 8).map((opset) => [texts(opset, 1)[0], opset.get(2)?.[0]])).toEqual([
      ['', 21],
      [MICROSOFT, 1],
    ]);
    const [graph] = messages(model, 7) as [Fields];
    const [add, gelu] = messages(graph, 1);
    expect([texts(add, 1), texts(add, 2), texts(add, 4)]).toEqual([['x', 'w'], ['/0/Add/output_0'], ['Add']]);
    expect([texts(gelu, 1), texts(gelu, 7)]).toEqual([['/0/Add/output_0', '', 'x'], [MICROSOFT]]);
    // Type 2 is INT, 1 is FLOAT.
    const attributes = messages(add as Fields, 5);
    expect(attributes.map((a) => [texts(a, 1)[0], a.get(20)?.[0]])).toEqual([
      ['axis', 2],
      ['by', 1],
    ]);
    const [input] = messages(graph, 11) as [Fields];
    const [tensor] = messages(messages(input, 2)[0] as Fields, 1) as [Fields];
    const sizes = messages(messages(tensor, 2)[0] as Fields, 1);
    expect(texts(sizes[0], 2)).toEqual(['batch_size']);
    expect(sizes[1]?.get(1)).toEqual([3]);
  });

  it('onnxFiles: weights are in the graph, read while it is streamed and not before', async () => {
    const reads: string[] = [];
    const files = onnxFiles(sum([floats('w', [3], [1, 2, 3], () => reads.push('w'))]), 'm.onnx', false);
    expect(reads).toEqual([]);
    const bytes = (await read(files)).get('m.onnx') ?? new Uint8Array();
    expect(reads).toEqual(['w']);
    expect(bytes.byteLength).toBe(files[0]?.byteLength);
    const [array] = messages(messages(fieldsOf(bytes), 7)[0] as Fields, 5) as [Fields];
    expect(array.get(9)).toEqual([new Uint8Array(Float32Array.of(1, 2, 3).buffer)]);
  });

  it('onnxFiles: with a file of weights large arrays lie there, aligned, small ones stay', async () => {
    const large = (name: string, value: number) => floats(name, [300], Array<number>(300).fill(value));
    const model = sum([large('a', 1), floats('small', [1], [9]), large('b', 2)]);
    const files = await read(onnxFiles(model, 'm.onnx', true));
    const data = files.get('m.onnx_data') ?? new Uint8Array();
    // 300 floats are 1200 bytes; the second array begins at the next multiple of 4096.
    expect(data.byteLength).toBe(4096 + 1200);
    expect(new Float32Array(data.slice(4096).buffer)).toEqual(new Float32Array(300).fill(2));
    const graph = messages(fieldsOf(files.get('m.onnx') ?? new Uint8Array()), 7)[0] as Fields;
    const places = messages(graph, 5).map((array) =>
      messages(array, 13).map((entry) => `${texts(entry, 1)[0]}=${texts(entry, 2)[0]}`),
    );
    expect(places).toEqual([
      ['location=m.onnx_data', 'offset=0', 'length=1200'],
      [],
      ['location=m.onnx_data', 'offset=4096', 'length=1200'],
    ]);
  });

  it('onnxFiles: an array of another length than its shape says is refused', async () => {
    const files = onnxFiles(sum([floats('w', [3], [1, 2])]), 'm.onnx', false);
    await expect(read(files)).rejects.toThrow('w has 8 bytes; its shape [3] needs 12.');
  });

  it('onnxFiles: a graph of 2 GiB is refused, with its weights outside it is not', () => {
    const model = sum([floats('w', [2 ** 29], [])]);
    expect(() => onnxFiles(model, 'm.onnx', false)).toThrow(/at most 2147483647/);
    expect(onnxFiles(model, 'm.onnx', true).map(({ byteLength }) => byteLength)[1]).toBe(2 ** 31);
  });
});
