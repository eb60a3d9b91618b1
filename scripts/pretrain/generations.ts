// Sample texts for the model card: fixed prompts, greedy and drawn with a fixed seed.
import type { Tokenizer } from '@huggingface/tokenizers';
import { hashSeed, uniformAt } from '../../src/lib/random';
import { chooseToken } from '../../src/inference/sampling';
import { GENERATION_CONFIG, MODEL } from './architecture';
import { PlainLlama } from './plain-llama';
import type { NamedArrays } from './weights-file';

export interface Generation {
  prompt: string;
  how: 'greedy' | 'sampled';
  text: string;
}

const PROMPTS: readonly { prompt: string; how: Generation['how'] }[] = [
  { prompt: 'It was a cold morning in', how: 'greedy' },
  { prompt: 'Elizabeth was', how: 'sampled' },
  { prompt: '"My dear Holmes," said I, "', how: 'sampled' },
  { prompt: 'ROMEO:\n', how: 'sampled' },
  { prompt: '<|user|>Good morrow, sir. How do you do?<|end|><|assistant|>', how: 'sampled' },
  { prompt: '<|user|>Who is there?<|end|><|assistant|>', how: 'greedy' },
  { prompt: '<|user|>What do you think of Mr. Darcy?<|end|><|assistant|>', how: 'sampled' },
];
const MAX_TOKENS = 90;
const SEED = 7;

export function generateSamples(weights: NamedArrays, tokenizer: Tokenizer): Generation[] {
  return PROMPTS.map(({ prompt, how }) => ({ prompt, how, text: generate(weights, tokenizer, prompt, how) }));
}

function generate(
  weights: NamedArrays,
  tokenizer: Tokenizer,
  prompt: string,
  how: Generation['how'],
): string {
  const model = new PlainLlama(MODEL, weights);
  const ids = tokenizer.encode(prompt, { add_special_tokens: false }).ids;
  const start = ids.length;
  let logits = new Float32Array(MODEL.vocabSize);
  for (const id of ids) logits = model.feed(id);
  const sampling = {
    temperature: how === 'greedy' ? 0 : GENERATION_CONFIG.temperature,
    topK: GENERATION_CONFIG.top_k,
    topP: 1,
    minP: 0,
    repetitionPenalty: how === 'greedy' ? 1.1 : 1,
    maxTokens: MAX_TOKENS,
    stopStrings: [],
  };
  while (ids.length - start < MAX_TOKENS) {
    const id = chooseToken(logits, ids, sampling, uniformAt(hashSeed(SEED, prompt), ids.length));
    if (MODEL.stopTokenIds.includes(id)) break;
    ids.push(id);
    logits = model.feed(id);
  }
  return tokenizer.decode(ids.slice(start), { skip_special_tokens: false });
}
