// One pass over a dataset under a plan: lengths, targets, what is cut and what is left out. Tokens are not kept here.
import { AppError } from '../../lib/errors';
import type { EncodedSample } from '../caches/cached-examples';
import { cutExample, cutStart, type TokenWindow } from '../examples/windows';
import type { Sample, KeptPart } from '../../protocol/datasets';
import type { SampleChoice } from '../quality/dataset-steps';
import type { RowPlan } from './prepared-dataset';
import { splitSamples } from './split';

/** Samples by number, and what steps make of them. */
export interface SampleSource extends SampleChoice {
  readonly count: number;
  /** Which part is kept of conversations that are too long; their beginning where this is absent. */
  readonly keptPart?: KeptPart;
  read(index: number): Promise<Sample>;
}

/** Samples whose bytes are known without reading them. */
export interface SizedSource extends SampleSource {
  bytesOf(index: number): number;
}

/** A sequence to train on: a window of a sample. */
export interface SequenceItem {
  sample: number;
  window: TokenWindow;
}

export interface Survey {
  train: SequenceItem[];
  evaluation: SequenceItem[];
  trainSamples: number;
  evalSamples: number;
  truncatedSamples: number;
  droppedSamples: Record<string, number>;
}

/**
 * @param samples all that are not left out.
 * @throws AppError `dataset.all-masked` where no sample that is to be learnt, or evaluated, has a label left.
 */
export async function surveyDataset(
  source: Pick<SampleSource, 'count' | 'beside' | 'keptPart'>,
  samples: AsyncIterable<EncodedSample>,
  plan: RowPlan,
): Promise<Survey> {
  const heldOut = splitSamples(source, plan.evalShare, plan.seed);
  const survey = emptySurvey();
  for await (const { sample, example } of samples) {
    const startOf = (surplus: number): number => cutStart(source.keptPart ?? 'beginning', surplus, sample);
    const cut = typeof example === 'string' ? example : cutExample(example, plan.sequenceLength, startOf);
    if (typeof cut === 'string') {
      survey.droppedSamples[cut] = (survey.droppedSamples[cut] ?? 0) + 1;
      continue;
    }
    const items = cut.windows.map((window) => ({ sample, window }));
    if (cut.truncated) survey.truncatedSamples++;
    if (heldOut[sample] === 1) {
      survey.evaluation.push(...items);
      survey.evalSamples++;
    } else {
      survey.train.push(...items);
      survey.trainSamples++;
    }
  }
  const learnt = plan.evalShare >= 1 ? survey.evaluation : survey.train;
  if (learnt.length === 0) throw allMasked(survey.droppedSamples, plan);
  return survey;
}

function emptySurvey(): Survey {
  return {
    train: [],
    evaluation: [],
    trainSamples: 0,
    evalSamples: 0,
    truncatedSamples: 0,
    droppedSamples: {},
  };
}

const MEANINGS: Record<string, string> = {
  'template-refused': 'refused by the chat template',
  'no-answer': 'without an answer of the assistant',
  'answer-beyond-length': 'with the answer beyond the sequence length',
  'too-short': 'too short',
  unreadable: 'that cannot be read',
  'not-encoded': 'that the tokenizer or the template fails on',
};

/** @param dropped samples by reason. */
export function allMasked(dropped: Record<string, number>, plan: Pick<RowPlan, 'sequenceLength'>): AppError {
  const reasons = Object.entries(dropped)
    .map(([reason, count]) => `${count} ${MEANINGS[reason] ?? reason}`)
    .join(', ');
  const beyond = (dropped['answer-beyond-length'] ?? 0) > 0;
  return new AppError('dataset.all-masked', `No training sample has a token to learn: ${reasons}.`, {
    remedy: beyond
      ? `Raise the sequence length above ${plan.sequenceLength}, or train on all tokens.`
      : 'Check the format and its columns, or train on all tokens.',
    details: { droppedSamples: dropped, sequenceLength: plan.sequenceLength },
  });
}
