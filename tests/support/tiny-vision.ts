// A vision encoder of one matrix, written by our own writer: every number that it gives can be worked out by hand.
import { onnxFiles, type OnnxModel } from '../../src/lib/formats/onnx';
import { collectBlob } from './collect-blob';

export const VISION = { edge: 4, size: 2 };
const INPUTS = 3 * VISION.edge ** 2;

export interface VisionForm {
  output?: 'pooler_output' | 'image_embeds' | 'last_hidden_state';
  /** Edge that the graph takes; any where left out. */
  edge?: number;
  preprocessor?: Record<string, unknown> | null;
}

/** [pixels][size]: small and all different. */
export const visionWeights = (): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: INPUTS * VISION.size }, (_, i) => ((i * 7) % 13) / 13 - 0.5);

export const PREPROCESSOR = {
  do_resize: true,
  size: { height: VISION.edge, width: VISION.edge },
  resample: 2,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.25, 0],
  image_std: [0.5, 0.25, 1],
};

function visionGraph({ output = 'pooler_output', edge }: VisionForm): OnnxModel {
  const weights = visionWeights();
  const node = (opType: string, inputs: string[], result: string, axis: number | null = null) => ({
    name: result,
    opType,
    domain: '',
    inputs,
    outputs: [result],
    attributes: axis === null ? {} : { axis: { int: axis } },
  });
  const perPatch = output === 'last_hidden_state';
  // Of patches there are two, the picture's own first: the other one is twice as long.
  const patches = [
    node('MatMul', ['flat', 'weights'], 'one'),
    node('Add', ['one', 'one'], 'two'),
    node('Unsqueeze', ['one', 'second'], 'first_patch'),
    node('Unsqueeze', ['two', 'second'], 'second_patch'),
    node('Concat', ['first_patch', 'second_patch'], output, 1),
  ];
  return {
    producer: 'test',
    graphName: 'vision',
    opsets: new Map([['', 17]]),
    inputs: [{ name: 'pixel_values', type: 'float', shape: ['n', 3, edge ?? 'h', edge ?? 'w'] }],
    outputs: [{ name: output, type: 'float', shape: perPatch ? ['n', 2, VISION.size] : ['n', VISION.size] }],
    nodes: [
      node('Flatten', ['pixel_values'], 'flat', 1),
      ...(perPatch ? patches : [node('MatMul', ['flat', 'weights'], output)]),
    ],
    arrays: [
      {
        name: 'weights',
        type: 'float',
        shape: [INPUTS, VISION.size],
        chunks: () => [new Uint8Array(weights.buffer)],
      },
      ...(perPatch
        ? [
            {
              name: 'second',
              type: 'int64' as const,
              shape: [1],
              chunks: () => [new Uint8Array(BigInt64Array.of(1n).buffer)],
            },
          ]
        : []),
    ],
  };
}

/** Files by their paths in a repository. */
export async function visionDirectory(form: VisionForm = {}): Promise<Map<string, Blob>> {
  const [graph] = onnxFiles(visionGraph(form), 'model.onnx', false);
  if (graph === undefined) throw new Error('No graph was written.');
  const { preprocessor = PREPROCESSOR } = form;
  const files = new Map<string, Blob>([
    ['config.json', new Blob(['{"architectures":["TinyVision"],"model_type":"vit"}'])],
    ['onnx/model.onnx', await collectBlob(graph)],
  ]);
  if (preprocessor !== null) files.set('preprocessor_config.json', new Blob([JSON.stringify(preprocessor)]));
  return files;
}

/** What the graph gives for prepared pixels of one picture. */
export function visionReference(pixels: ArrayLike<number>): number[] {
  const weights = visionWeights();
  return Array.from({ length: VISION.size }, (_, column) => {
    let sum = 0;
    for (let i = 0; i < INPUTS; i += 1) sum += (pixels[i] ?? 0) * (weights[i * VISION.size + column] ?? 0);
    return sum;
  });
}
