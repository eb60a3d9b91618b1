// Vectors of pictures from an ONNX graph. Pixels come prepared. Owns the runner.
import type { GraphArray, GraphRunner } from '../../engine/ort/graph-runner';
import { AppError } from '../../lib/errors';
import type { PixelInputs } from '../../protocol/encoding';
import type { Embeddings } from '../../protocol/engine';
import type { ModelRecord } from '../../protocol/models';
import type { LoadedPictureEncoder } from '../loaded-embedder';
import type { VisionScheme } from './vision-scheme';

export interface GraphPictureEncoderParts {
  record: ModelRecord;
  runner: GraphRunner;
  scheme: VisionScheme;
}

export class GraphPictureEncoder implements LoadedPictureEncoder {
  readonly #parts: GraphPictureEncoderParts;

  constructor(parts: GraphPictureEncoderParts) {
    this.#parts = parts;
  }

  get record(): ModelRecord {
    return this.#parts.record;
  }

  async encodePixels({ shape, values }: PixelInputs): Promise<Embeddings> {
    const [count, colours, height, width] = shape;
    const each = colours * height * width;
    const atOnce = this.#parts.scheme.pictures ?? Math.max(1, count);
    const vectors: Float32Array<ArrayBuffer>[] = [];
    for (let start = 0; start < count; start += atOnce) {
      const end = Math.min(count, start + atOnce);
      // A graph for so many pictures gets so many, the last ones black.
      const pixels = new Float32Array(atOnce * each);
      pixels.set(values.subarray(start * each, end * each));
      vectors.push(...(await this.#run(pixels, [atOnce, colours, height, width], end - start)));
    }
    return { dimensions: vectors[0]?.length ?? 0, vectors, truncated: [] };
  }

  dispose(): void {
    void this.#parts.runner.dispose();
  }

  async #run(
    pixels: Float32Array<ArrayBuffer>,
    shape: readonly number[],
    count: number,
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const { runner, scheme } = this.#parts;
    const outputs = await runner.run({ [scheme.pixels]: runner.pixels(pixels, shape) }, [scheme.output]);
    const output: GraphArray | undefined = outputs[scheme.output];
    if (output === undefined) throw new AppError('internal', `The graph gave no ${scheme.output}.`);
    const values = await runner.floats(output);
    runner.release(output);
    const size = output.shape.at(-1) ?? 0;
    // Of patches the first one is the class token, which stands for the picture.
    const stride = values.length / (shape[0] ?? 1);
    return Array.from({ length: count }, (_, i) => values.slice(i * stride, i * stride + size));
  }
}
