// What of a dataset an encoder is given, sample by sample. Texts are one such source (text-inputs.ts); whatever else can be
// encoded is another, and nothing else of the encoding knows the difference.
import type { EncodingInputs } from '../../protocol/encoding';

export interface EncodingSource {
  readonly count: number;
  readonly leftOut: ReadonlySet<number>;
  /**
   * What a sample's vector depends on beside the encoder, as a text: equal ones are encoded once. null where there is nothing to
   * encode, and for a sample that cannot be read.
   */
  contentOf(sample: number): Promise<string | null>;
  /** Of samples that have content. In their order. */
  inputsOf(samples: readonly number[]): Promise<EncodingInputs>;
}
