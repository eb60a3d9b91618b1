// One pass over a dataset under a plan: lengths, targets, what is cut and what is left out. Tokens are not kept here.
import { AppError } from '../../lib/errors';
import type { Example, ExampleEncoder } from '../examples/example-encoder';
import { cutExample, type TokenWindow } from '../examples/windows';
import type { Sample } from '../../protocol/datasets';
import type { SampleChoice } from '../quality/dataset-steps';
import type { RowPlan } from './prepared-dataset';
import { splitSamples } from './split';

/** Samples by number, and what steps make of them. */
export interface SampleSource extends SampleChoice {
  readonly count: number;
  read(index: number): Promise<Sample>;
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

export interface SurveyHooks {
  /** Each example that takes part, for caching. */
  onExample(sample: number, example: Example): void;
  /** Called now and then: a long survey is alive. */
  beat(): void;
}

const SAMPLES_PER_PAUSE = 64;

/** @throws AppError `dataset.all-masked` where no training sample has a label left. */
export async function surveyDataset(
  source: SampleSource,
  encoder: ExampleEncoder,
  plan: RowPlan,
  hooks: SurveyHooks,
): Promise<Survey> {
  const heldOut = splitSamples(source, plan.evalShare, plan.seed);
  const survey = emptySurvey();
  for (let sample = 0; sample < source.count; sample++) {
    if (sample % SAMPLES_PER_PAUSE === 0) await pause(hooks);
    if (source.leftOut.has(sample)) continue;
    const example = encoder.encode(await source.read(sample), plan.trainOn);
    const cut = typeof example === 'string' ? example : cutExample(example, plan.sequenceLength);
    if (typeof cut === 'string') {
      survey.droppedSamples[cut] = (survey.droppedSamples[cut] ?? 0) + 1;
      continue;
    }
    if (typeof example !== 'string') hooks.onExample(sample, example);
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
  if (survey.train.length === 0) throw allMasked(survey, plan);
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

/** Lets other calls of the worker through. */
async function pause(hooks: SurveyHooks): Promise<void> {
  hooks.beat();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

const MEANINGS: Record<string, string> = {
  'template-refused': 'refused by the chat template',
  'no-answer': 'without an answer of the assistant',
  'answer-beyond-length': 'with the answer beyond the sequence length',
  'too-short': 'too short',
};

function allMasked(survey: Survey, plan: RowPlan): AppError {
  const reasons = Object.entries(survey.droppedSamples)
    .map(([reason, count]) => `${count} ${MEANINGS[reason] ?? reason}`)
    .join(', ');
  const beyond = (survey.droppedSamples['answer-beyond-length'] ?? 0) > 0;
  return new AppError('dataset.all-masked', `No training sample has a token to learn: ${reasons}.`, {
    remedy: beyond
      ? `Raise the sequence length above ${plan.sequenceLength}, or train on all tokens.`
      : 'Check the format and its columns, or train on all tokens.',
    details: { droppedSamples: survey.droppedSamples, sequenceLength: plan.sequenceLength },
  });
}
