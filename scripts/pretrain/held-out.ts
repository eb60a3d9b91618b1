// Bits per byte on held-out text: nats per token x tokens / bytes / ln 2. It does not depend on the tokenizer, so models
// with other vocabularies can be compared.
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import { evaluationBatches } from './batches';
import type { HeldOutText } from './prepare';

export interface HeldOutBatches {
  batches: TokenBatch[];
  /** Bytes per token of the whole text: a part of its batches is weighed by it. */
  bytesPerToken: number;
}

const ROWS = 4;

/** @param every 1 keeps all batches, n each n-th. */
export function heldOutBatches(texts: readonly HeldOutText[], length: number, every: number): HeldOutBatches {
  const batches = texts.flatMap(({ stream }) => evaluationBatches(stream, ROWS, length));
  const tokens = texts.reduce((sum, { stream }) => sum + stream.length - 1, 0);
  const bytes = texts.reduce((sum, text) => sum + text.bytes, 0);
  return { batches: batches.filter((_, index) => index % every === 0), bytesPerToken: bytes / tokens };
}

export async function bitsPerByte(
  model: TrainableModel,
  { batches, bytesPerToken }: HeldOutBatches,
): Promise<number> {
  let nats = 0;
  let tokens = 0;
  for (const batch of batches) {
    const { lossSum, targetTokens } = await model.evaluate(batch);
    nats += lossSum;
    tokens += targetTokens;
  }
  return nats / tokens / bytesPerToken / Math.LN2;
}
