// Writes the samples of an evaluation with the weights as they are being trained: short, and with the same seed each
// time, so that what changes from one evaluation to the next is the model.
import { decodeTokens } from '../inference/decode';
import { encodePrompt } from '../inference/prompt';
import { hashSeed } from '../lib/random';
import type { LoadedModel } from '../models/loaded-model';
import type { TrainableModel } from '../models/trainable-model';
import type { TrainingConfig } from '../protocol/training';
import type { SampleGenerator } from '../training/evaluator';
import type { LoopClock, LoopParts } from '../training/training-loop';

const SAMPLE_TOKENS = 48;
const SAMPLING = { temperature: 0.7, topK: 0, topP: 0.95, minP: 0, repetitionPenalty: 1.1 };

export interface SampleGeneratorParts {
  model: LoadedModel;
  training: TrainableModel;
  config: TrainingConfig;
  clock: LoopClock;
  exclusive: LoopParts['exclusive'];
}

export function createSampleGenerator(parts: SampleGeneratorParts): SampleGenerator {
  const { model, training, config, clock, exclusive } = parts;
  return async (prompt, interrupted) => {
    const ids = promptIds(model, config, prompt);
    const session = model.createTrainingSession(training);
    const written: number[] = [];
    try {
      const tokens = decodeTokens({
        session,
        fed: [],
        prompt: ids,
        sampling: SAMPLING,
        seed: hashSeed(config.seed, 'sample generation'),
        maxTokens: SAMPLE_TOKENS,
        contextLength: model.contextLength,
        stopTokenIds: model.stopTokenIds,
        cancelled: interrupted,
        turn: exclusive,
        giveWay: () => clock.giveWay(),
      });
      for await (const id of tokens) written.push(id);
    } finally {
      session.dispose();
    }
    return model.tokenizer.decode(written, { skipSpecialTokens: true });
  };
}

/** A typed prompt is a message where answers are learnt; held-out ones come rendered. The end of a long one counts. */
function promptIds(model: LoadedModel, config: TrainingConfig, prompt: string): number[] {
  const typed = config.trainOn === 'assistant' && config.samplePrompts.includes(prompt);
  const room = Math.max(1, model.contextLength - SAMPLE_TOKENS);
  if (!typed) {
    const ids = model.tokenizer.encode(prompt);
    return ids.length > 0 ? ids.slice(-room) : encodePrompt(model, { prompt });
  }
  return encodePrompt(model, { messages: [{ role: 'user', content: prompt }] });
}
