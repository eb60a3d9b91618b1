// The samples of a dataset as texts for an encoder: all that is said in one, without who says it.
import { hasCode } from '../../lib/errors';
import type { Sample } from '../../protocol/datasets';
import type { TextInputs } from '../../protocol/encoding';
import { wordsOf } from '../quality/sample-text';
import type { EncodingSource } from './encoding-source';

export interface TextSamples {
  readonly count: number;
  readonly leftOut: ReadonlySet<number>;
  read(index: number): Promise<Sample>;
}

export class TextInputSource implements EncodingSource {
  readonly #samples: TextSamples;

  constructor(samples: TextSamples) {
    this.#samples = samples;
  }

  get count(): number {
    return this.#samples.count;
  }

  get leftOut(): ReadonlySet<number> {
    return this.#samples.leftOut;
  }

  async contentOf(sample: number): Promise<string | null> {
    try {
      const text = wordsOf(await this.#samples.read(sample)).trim();
      return text === '' ? null : text;
    } catch (error) {
      // A damaged row is one sample less; a lost file is an error.
      if (hasCode(error, 'dataset.bad-line')) return null;
      throw error;
    }
  }

  async inputsOf(samples: readonly number[]): Promise<TextInputs> {
    const texts: string[] = [];
    for (const sample of samples) texts.push((await this.contentOf(sample)) ?? '');
    return { kind: 'texts', texts };
  }
}
