// The complaint about a graph that nobody knows how to feed: with all it takes, so that whoever made it can see why.
import { AppError } from '../../lib/errors';
import type { OnnxDescription, OnnxValueInfo } from '../../lib/formats/onnx-description';

const MAX_LISTED = 24;

export function notUnderstood(
  { inputs, outputs }: Pick<OnnxDescription, 'inputs' | 'outputs'>,
  fact: string,
): AppError<'model.unsupported'> {
  const listed = inputs.slice(0, MAX_LISTED).map(described);
  const more = inputs.length - listed.length;
  const list = more > 0 ? [...listed, `and ${more} more`] : listed;
  return new AppError(
    'model.unsupported',
    `The ONNX graph cannot be run: ${fact}. Its inputs: ${list.join('; ')}.`,
    {
      details: { inputs: inputs.map(described), outputs: outputs.map(described) },
      remedy:
        'Choose an export of a decoder with past and present keys and values (text-generation), or of a sentence-embedding model.',
    },
  );
}

function described({ name, type, shape }: OnnxValueInfo): string {
  const sizes = shape === null ? '' : ` [${shape.map((size) => size ?? '?').join(', ')}]`;
  return `${name} ${type ?? '?'}${sizes}`;
}
