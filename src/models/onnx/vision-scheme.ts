// What an ONNX graph takes and gives that turns pictures into vectors: pixels in, [pictures, 3, height, width], a vector for each
// picture or for each patch of it out. Pure.
import type { OnnxDescription, OnnxValueInfo } from '../../lib/formats/onnx-description';
import { notUnderstood } from './not-understood';

export interface VisionScheme {
  kind: 'vision';
  pixels: string;
  output: string;
  /** `patches`: [pictures, patches, size], of which the first stands for the picture; `pictures`: [pictures, size]. */
  gives: 'patches' | 'pictures';
  /** Pictures in one run, and their edges, where the graph fixes them. */
  pictures: number | null;
  height: number | null;
  width: number | null;
}

const OF_PICTURES = [/^image_embeds$/i, /^pooler_output$/i, /^(image_)?embeddings?$/i];
const OF_PATCHES = /^last_hidden_state$/i;

const rankOf = ({ shape }: OnnxValueInfo): number => shape?.length ?? -1;
const isFloat = ({ type }: OnnxValueInfo): boolean => type === 'float32';
const isPixels = (input: OnnxValueInfo): boolean => isFloat(input) && rankOf(input) === 4;
const fixed = (size: unknown): number | null => (typeof size === 'number' ? size : null);

/** True where pixels are all that it takes. */
export function isVision({ inputs }: Pick<OnnxDescription, 'inputs'>): boolean {
  const [first, second] = inputs;
  return first !== undefined && second === undefined && isPixels(first);
}

/** @throws AppError `model.unsupported` naming what is not understood. */
export function visionScheme(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): VisionScheme {
  const pixels = graph.inputs.find(isPixels);
  if (pixels === undefined) throw notUnderstood(graph, 'no input takes pixels');
  const [pictures, colours, height, width] = pixels.shape ?? [];
  if (typeof colours === 'number' && colours !== 3)
    throw notUnderstood(graph, `pictures of ${colours} colours are not made here`);
  const output = outputOf(graph);
  if (output === null) throw notUnderstood(graph, 'no output has vectors of pictures');
  return {
    kind: 'vision',
    pixels: pixels.name,
    output: output.name,
    gives: rankOf(output) === 2 ? 'pictures' : 'patches',
    pictures: fixed(pictures),
    height: fixed(height),
    width: fixed(width),
  };
}

function outputOf({ outputs }: Pick<OnnxDescription, 'outputs'>): OnnxValueInfo | null {
  const floats = outputs.filter(isFloat);
  for (const name of OF_PICTURES) {
    const found = floats.find((output) => name.test(output.name) && rankOf(output) === 2);
    if (found !== undefined) return found;
  }
  return floats.find((output) => OF_PATCHES.test(output.name) && rankOf(output) === 3) ?? null;
}
