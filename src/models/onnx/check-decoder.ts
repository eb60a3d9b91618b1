// Is an ONNX decoder run as it is meant? A few tokens read at once, and again in steps, the last one on its own: a cache that is fed to
// the wrong input, positions that are off or kernels that compute wrong give other logits. No reference is needed.
import { AppError } from '../../lib/errors';
import type { DecodeSession } from '../loaded-model';

/** Prompts of a tile and more have kernels of their own: what is read in steps does without them. */
const STEP = 8;
/** Models whose activations are quantised as they come differ by some percent; wrong ones by as much as the logits themselves. */
const TOLERANCE = 0.3;

/**
 * @param open sessions of the model.
 * @param length tokens to read, at least 2.
 * @returns the length of the logits.
 * @throws AppError `model.unsupported` saying what differs.
 */
export async function checkDecoder(open: () => DecodeSession, length: number): Promise<number> {
  const tokens = Array.from({ length }, (_, index) => 3 + ((index * 7) % 29));
  const [atOnce, inSteps] = [open(), open()];
  try {
    const expected = await atOnce.feed(tokens);
    for (let start = 0; start < length - 1; start += STEP) {
      await inSteps.feed(tokens.slice(start, Math.min(start + STEP, length - 1)));
    }
    const found = await inSteps.feed(tokens.slice(-1));
    if (!expected.every(Number.isFinite)) throw wrong('its logits are not finite');
    const difference = differenceOf(expected, found);
    if (difference > TOLERANCE) {
      throw wrong(
        `with its cache it answers otherwise than without (${difference.toPrecision(2)} of the logits)`,
      );
    }
    return expected.length;
  } finally {
    atOnce.dispose();
    inSteps.dispose();
  }
}

/** Root mean square of the difference over that of the logits around their mean: an offset of all changes nothing. */
function differenceOf(expected: Float32Array, found: Float32Array): number {
  const mean = (values: Float32Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(expected), mean(found)];
  let [square, size] = [0, 0];
  expected.forEach((value, index) => {
    square += (value - a - ((found[index] ?? 0) - b)) ** 2;
    size += (value - a) ** 2;
  });
  return expected.length === found.length ? Math.sqrt(square / (size || 1)) : Infinity;
}

function wrong(fact: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `The ONNX graph does not answer as it should: ${fact}.`, {
    remedy: 'Choose another variant of the model, or one as safetensors or GGUF.',
  });
}
