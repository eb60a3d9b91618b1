// The pictures of a dataset as pixels for a vision encoder, prepared as its configuration says. Decoded one after the other; a
// unit of them is in memory.
import { sha256 } from 'hash-wasm';
import { preparedSize, type PicturePreprocessing } from '../../core/picture-preprocessing';
import { hasCode } from '../../lib/errors';
import type { PixelInputs } from '../../protocol/encoding';
import { preparePixels } from '../images/prepare-pixels';
import type { ReadPixels } from '../images/read-pixels';
import type { StoredPictures } from '../images/stored-pictures';
import type { EncodingSource } from './encoding-source';

export interface PictureInputParts {
  pictures: Pick<StoredPictures, 'count' | 'picture'>;
  preprocessing: PicturePreprocessing;
  readPixels: ReadPixels;
}

export class PictureInputSource implements EncodingSource {
  readonly #parts: PictureInputParts;
  readonly leftOut: ReadonlySet<number> = new Set();

  constructor(parts: PictureInputParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#parts.pictures.count;
  }

  /** Its stored bytes: the same picture in two places is encoded once. */
  async contentOf(sample: number): Promise<string | null> {
    try {
      const { image } = await this.#parts.pictures.picture(sample);
      return await sha256(new Uint8Array(await image.arrayBuffer()));
    } catch (error) {
      // A damaged row is one sample less; a lost file is an error.
      if (hasCode(error, 'dataset.bad-line')) return null;
      throw error;
    }
  }

  async inputsOf(samples: readonly number[]): Promise<PixelInputs> {
    const { pictures, preprocessing, readPixels } = this.#parts;
    const { width, height } = preparedSize(preprocessing);
    const each = 3 * height * width;
    const values = new Float32Array(samples.length * each);
    for (const [i, sample] of samples.entries()) {
      const { image } = await pictures.picture(sample);
      const pixels = await readPixels(image);
      values.set(preparePixels(pixels, preprocessing), i * each);
    }
    return { kind: 'pixels', shape: [samples.length, 3, height, width], values };
  }
}
