// ONNX files that lie: messages that reach beyond each other, graphs that cannot be run, weights that are nowhere. Built from our
// own writer where it lets them, else field by field.
import type { OnnxArray, OnnxModel, OnnxValue } from '../../src/lib/formats/onnx';
import { ProtobufWriter } from '../../src/lib/formats/protobuf-writer';
import type { NamedFile } from '../../src/protocol/models';
import type { HostileModel } from './hostile-models';
import { asOnnx, besideWeights } from './model-forms';

type Writer = ProtobufWriter<never>;

const bytesOf = (write: (writer: Writer) => void): Uint8Array<ArrayBuffer> => {
  const writer: Writer = new ProtobufWriter();
  write(writer);
  return writer.parts()[0] ?? new Uint8Array();
};

const named = (...parts: BlobPart[]): NamedFile[] => [
  ...besideWeights(),
  { name: 'model.onnx', blob: new Blob(parts) },
];

/** A model whose graph has an operator and what is written besides. */
const withGraph = (write: (graph: Writer) => void): NamedFile[] =>
  named(
    bytesOf((model) =>
      model.message(7, (graph) => {
        graph.message(1, (node) => {
          node.text(2, 'y');
          node.text(4, 'Shape');
        });
        write(graph);
      }),
    ),
  );

const withWeight = (write: (tensor: Writer) => void): NamedFile[] =>
  withGraph((graph) =>
    graph.message(5, (tensor) => {
      tensor.text(8, 'w');
      write(tensor);
    }),
  );

const outside = (entries: Record<string, string>): NamedFile[] =>
  withWeight((tensor) => {
    tensor.integers(1, [4]);
    tensor.integer(2, 1);
    for (const [key, value] of Object.entries(entries)) {
      tensor.message(13, (entry) => {
        entry.text(1, key);
        entry.text(2, value);
      });
    }
    tensor.integer(14, 1);
  });

/** Subgraphs within subgraphs. */
function nest(graph: Writer, depth: number): void {
  graph.message(1, (node) => {
    node.text(4, 'If');
    if (depth > 0) node.message(5, (attribute) => attribute.message(6, (inner) => nest(inner, depth - 1)));
  });
}

const huge = (shape: number[]): OnnxArray => ({ name: 'huge', type: 'float', shape, chunks: () => [] });

const withArray = (array: OnnxArray): Promise<NamedFile[]> =>
  asOnnx((model) => ({ ...model, arrays: [...model.arrays, array] }), { external: true, only: ['graph'] });

const withInputs = (change: (inputs: OnnxValue[]) => OnnxValue[]): Promise<NamedFile[]> =>
  asOnnx((model) => ({ ...model, inputs: change(model.inputs) }));

function withNode(index: number, change: Partial<OnnxModel['nodes'][number]>): Promise<NamedFile[]> {
  return asOnnx((model) => ({
    ...model,
    nodes: model.nodes.map((node, i) => (i === index ? { ...node, ...change } : node)),
  }));
}

const WIRE: HostileModel[] = [
  {
    what: 'ONNX with a number of more than 64 bits',
    files: () => named(Uint8Array.from([8, ...new Array<number>(10).fill(255), 1])),
    code: 'model.bad-header',
    fact: 'the number at byte 1 has more than 64 bits',
  },
  {
    what: 'ONNX with a message longer than what it lies in',
    files: () =>
      named(
        Uint8Array.from([0x3a, 2, 0x0a, 100]),
        bytesOf((model) => model.text(2, 'x'.repeat(200))),
      ),
    code: 'model.bad-header',
    fact: 'has 100 bytes, what it lies in ends at byte 4',
  },
  {
    what: 'ONNX that was cut',
    files: async () => {
      const [graph, ...rest] = (await asOnnx()).reverse();
      return [...rest, { name: 'model.onnx', blob: (graph?.blob ?? new Blob()).slice(0, -200) }];
    },
    code: 'model.truncated',
    fact: 'the file has',
  },
  {
    what: 'a page in place of the ONNX file',
    files: () => named('<!doctype html><title>Not found</title>'),
    code: 'model.bad-header',
    fact: 'is of the unknown kind 4',
  },
  {
    what: 'ONNX without a graph',
    files: () => named(bytesOf((model) => model.integer(1, 10))),
    code: 'model.bad-header',
    fact: 'it has no graph',
  },
  {
    what: 'ONNX with a name that is no text',
    files: () =>
      named(
        bytesOf((model) =>
          model.message(7, (graph) => graph.message(11, (value) => value.bytes(1, Uint8Array.of(255)))),
        ),
      ),
    code: 'model.bad-header',
    fact: 'is not UTF-8 text',
  },
  {
    what: 'ONNX of more operators than any model has',
    files: () =>
      named(
        bytesOf((model) =>
          model.message(7, (graph) => {
            const node = Uint8Array.from([0x22, 1, 88]);
            for (let i = 0; i <= 100_000; i += 1) graph.bytes(1, node);
          }),
        ),
      ),
    code: 'model.unsupported',
    fact: 'more than 100000 operators',
  },
  {
    what: 'ONNX with graphs deep within each other',
    files: () => withGraph((graph) => nest(graph, 20)),
    code: 'model.unsupported',
    fact: 'more than 8 deep',
  },
];

const GRAPHS: HostileModel[] = [
  {
    what: 'ONNX with operators in a circle',
    files: () =>
      asOnnx((model) => {
        const last = model.nodes.at(-1)?.outputs[0] ?? '';
        return {
          ...model,
          nodes: model.nodes.map((node, i) => (i === 0 ? { ...node, inputs: [...node.inputs, last] } : node)),
        };
      }),
    code: 'model.bad-header',
    fact: 'go round in a circle',
  },
  {
    what: 'ONNX with a value that nobody makes',
    files: () => withNode(0, { inputs: ['nowhere'] }),
    code: 'model.bad-header',
    fact: 'takes nowhere, which nothing makes',
  },
  {
    what: 'ONNX with a value that is made twice',
    files: () => asOnnx((model) => ({ ...model, nodes: [...model.nodes, ...model.nodes.slice(0, 1)] })),
    code: 'model.bad-header',
    fact: 'is made twice',
  },
  {
    what: 'ONNX that gives what nobody makes',
    files: () =>
      asOnnx((model) => ({
        ...model,
        outputs: model.outputs.map((value) => ({ ...value, name: `${value.name}!` })),
      })),
    code: 'model.bad-header',
    fact: 'it gives logits!, which nothing makes',
  },
  {
    what: 'ONNX with an input for which there is no use',
    files: () =>
      withInputs((inputs) => [...inputs, { name: 'pixel_values', type: 'int64', shape: [1, 3, 4, 4] }]),
    code: 'model.unsupported',
    fact: 'what pixel_values is for is not known. Its inputs: input_ids int64 [batch_size, sequence_length]',
  },
  {
    what: 'ONNX of a decoder that has an encoder',
    files: () =>
      withInputs((inputs) => [
        ...inputs,
        { name: 'encoder_hidden_states', type: 'float', shape: [1, 'n', 4] },
      ]),
    code: 'model.unsupported',
    fact: 'encoder_hidden_states comes from an encoder',
  },
  {
    what: 'ONNX with a cache that does not grow',
    files: () =>
      withInputs((inputs) =>
        inputs.map((value) => (value.name.startsWith('past') ? { ...value, shape: [1, 1, 64, 8] } : value)),
      ),
    code: 'model.unsupported',
    fact: 'none of its sizes grows with the text',
  },
  {
    what: 'ONNX with a cache that does not say which size is the tokens',
    files: () =>
      withInputs((inputs) =>
        inputs.map((value) =>
          value.name.startsWith('past') ? { ...value, shape: ['a', 'c', 'd', 8] } : value,
        ),
      ),
    code: 'model.unsupported',
    fact: 'past_key_values.0.key is not understood: which of its sizes is the number of tokens is not told',
  },
  {
    what: 'ONNX graphs that are not of one model',
    files: async () => [...(await asOnnx()), { name: 'vision_encoder.onnx', blob: new Blob() }],
    code: 'model.unsupported',
    fact: 'There are 2 ONNX graphs: model.onnx, vision_encoder.onnx',
  },
];

const WEIGHTS: HostileModel[] = [
  {
    what: 'ONNX with a shape whose product overflows',
    files: () => withArray(huge([2 ** 40, 2 ** 40])),
    code: 'model.bad-header',
    fact: 'huge has the impossible shape [1099511627776, 1099511627776]',
  },
  {
    what: 'ONNX with a negative size',
    files: () =>
      withWeight((tensor) => {
        tensor.integers(1, [-4]);
        tensor.integer(2, 1);
      }),
    code: 'model.bad-header',
    fact: 'w has the impossible shape [-4]',
  },
  {
    what: 'ONNX with more weights than a browser holds',
    files: () => withArray(huge([2 ** 16, 2 ** 15])),
    code: 'model.unsupported',
    fact: 'take 8.6 GB; a browser holds at most 4.3 GB',
  },
  {
    what: 'ONNX with a type that is not known',
    files: () =>
      withWeight((tensor) => {
        tensor.integers(1, [4]);
        tensor.integer(2, 77);
      }),
    code: 'model.unsupported',
    fact: 'w is stored as type 77',
  },
  {
    what: 'ONNX with a weight that its bytes belie',
    files: () =>
      withWeight((tensor) => {
        tensor.integers(1, [4]);
        tensor.integer(2, 1);
        tensor.bytes(9, new Uint8Array(12));
      }),
    code: 'model.bad-header',
    fact: 'w is [4] of float32, which needs 16 bytes; it has 12',
  },
  ...[
    '../model.onnx_data',
    '/etc/passwd',
    'https://example.org/w',
    'a/../../w',
    'C:\\w',
    '.hidden',
    'config.json',
    '',
  ].map((location): HostileModel => ({
    what: `ONNX with weights in ${JSON.stringify(location)}`,
    files: () => outside({ location }),
    code: 'model.bad-header',
    fact: 'is not the name of a file of weights beside it',
  })),
  {
    what: 'ONNX with weights at a place that is no number',
    files: () => outside({ location: 'w.bin', offset: '-1', length: '16' }),
    code: 'model.bad-header',
    fact: 'the place of w in w.bin is not a pair of numbers',
  },
  {
    what: 'ONNX with weights of another length than their shape',
    files: () => outside({ location: 'w.bin', offset: '0', length: '999999' }),
    code: 'model.bad-header',
    fact: 'w needs 16 bytes; w.bin is said to have 999999 for it',
  },
  {
    what: 'ONNX without the file of its weights',
    files: () => asOnnx((model) => model, { external: true, only: ['graph'] }),
    code: 'model.unsupported',
    fact: 'model.onnx_data is missing',
  },
  {
    what: 'ONNX with a file of weights that was cut',
    files: async () => {
      const files = await asOnnx((model) => model, { external: true });
      return files.map((file) =>
        file.name.endsWith('_data') ? { ...file, blob: file.blob.slice(0, -8) } : file,
      );
    },
    code: 'model.truncated',
    fact: 'of model.onnx_data, which has',
  },
];

export const HOSTILE_ONNX: readonly HostileModel[] = [...WIRE, ...GRAPHS, ...WEIGHTS];
