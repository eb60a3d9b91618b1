// Why a sample is no use for training. Pure.
import type { Sample } from '../../protocol/datasets';
import type { SampleFault } from '../../protocol/quality';
import { wordsOf } from './sample-text';

const REPLACEMENT = '\ufffd';

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** null for a sound one. @param isRefused by the model's chat template. */
export function faultOf(sample: Sample, isRefused: boolean): SampleFault | null {
  if (isEmpty(sample)) return 'empty';
  const text = wordsOf(sample);
  if (text.includes(REPLACEMENT) || !isWellFormed(text)) return 'damaged';
  return isRefused ? 'template-refused' : null;
}

/** A text without a character, a conversation in which somebody says nothing or nobody answers. */
function isEmpty(sample: Sample): boolean {
  if (sample.kind === 'text') return sample.text.trim() === '';
  const spoken = sample.turns.filter(({ role }) => role !== 'system');
  return (
    spoken.every(({ role }) => role !== 'assistant') || spoken.some(({ content }) => content.trim() === '')
  );
}
