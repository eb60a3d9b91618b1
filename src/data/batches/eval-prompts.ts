// Prompts of a held-out part, for sample generations.
import type { ExampleEncoder } from '../examples/example-encoder';
import type { SampleSource } from './survey';

/** Up to `count` of them, of the samples in their order; those without a prompt are passed over. */
export async function promptsOf(
  samples: Iterable<number>,
  source: Pick<SampleSource, 'read'>,
  encoder: Pick<ExampleEncoder, 'prompt'>,
  count: number,
): Promise<string[]> {
  const prompts: string[] = [];
  for (const sample of new Set(samples)) {
    if (prompts.length >= count) break;
    const prompt = encoder.prompt(await source.read(sample));
    if (prompt !== null && prompt !== '') prompts.push(prompt);
  }
  return prompts;
}
