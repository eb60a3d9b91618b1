// Loss over the held-out split, weighted by target tokens, and sample generations. Does not touch training state.
import type { TrainableModel } from '../models/trainable-model';
import type { BatchSource } from '../protocol/batches';
import type { GeneratedSample } from '../protocol/training';

/** Writes with the weights that are being trained. */
export type SampleGenerator = (prompt: string, interrupted: () => boolean) => Promise<string>;

export interface EvaluationParts {
  model: TrainableModel;
  batches: BatchSource;
  evalBatches: number;
  prompts: readonly string[];
  generate: SampleGenerator | null;
  /** Asked between batches: true gives up. */
  interrupted: () => boolean;
  /** Runs one piece of device work and lets others in afterwards. */
  turn: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface SplitLoss {
  /** Nats per target token. */
  loss: number;
  targetTokens: number;
  samples: GeneratedSample[];
}

/** @returns null when it was interrupted: half an evaluation is no number. */
export async function evaluateSplit(parts: EvaluationParts): Promise<SplitLoss | null> {
  let lossSum = 0;
  let targetTokens = 0;
  for (let index = 0; index < parts.evalBatches; index += 1) {
    if (parts.interrupted()) return null;
    const batch = await parts.batches.evalBatch(index);
    const part = await parts.turn(() => parts.model.evaluate(batch));
    lossSum += part.lossSum;
    targetTokens += part.targetTokens;
  }
  const samples: GeneratedSample[] = [];
  for (const prompt of parts.generate === null ? [] : parts.prompts) {
    if (parts.interrupted() || parts.generate === null) return null;
    samples.push({ prompt, text: await parts.generate(prompt, parts.interrupted) });
  }
  return { loss: lossSum / targetTokens, targetTokens, samples };
}
