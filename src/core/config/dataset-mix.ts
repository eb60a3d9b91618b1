// A mix of datasets: what a share is unless something else is said, SimpleTuner's keys as shares, how often each dataset is
// drawn from, and what is wrong with a mix, in words a form can show. Pure and small: the page imports it.
import type { DatasetMix, DatasetShare } from '../../protocol/mix';
import type { TrainingConfig } from '../../protocol/training';
import { problem, type TrainingProblem } from './training-problem';

export const MIX_WEIGHTINGS = ['uniform', 'auto-weighting'] as const;
export const BUILT_IN_STRATEGIES = ['length-sorted', 'length-buckets'] as const;
const MOST_REPEATS = 10_000;
const MOST_STEPS = 10_000_000;

/** Drawn from whenever there is something left of it. */
export function wholeShare(datasetId: string): DatasetShare {
  return {
    datasetId,
    probability: 1,
    repeats: null,
    startEpoch: 1,
    startStep: 0,
    endEpoch: null,
    endStep: null,
    disableAfter: null,
  };
}

export function mixOf(datasetIds: readonly string[]): DatasetMix {
  const shares = datasetIds.map(wholeShare);
  return { weighting: 'auto-weighting', strategy: 'length-sorted', oversubscribe: false, shares };
}

/** A mix begins with the dataset of its run, and is none with that one alone. */
export function withAlignedMix(config: TrainingConfig): TrainingConfig {
  const { mix, ...rest } = config;
  const [first, ...others] = mix?.shares ?? [];
  if (mix === undefined || first === undefined) return rest;
  const kept = others.filter(({ datasetId }) => datasetId !== config.datasetId);
  if (kept.length === 0) return rest;
  return { ...rest, mix: { ...mix, shares: [{ ...first, datasetId: config.datasetId }, ...kept] } };
}

/** The keys of a backend's configuration. What is not set, or makes no sense, is as it is by default. */
export function shareFromKeys(datasetId: string, keys: Readonly<Record<string, unknown>>): DatasetShare {
  return {
    datasetId,
    probability: numberFrom(keys['probability'], 0) ?? 1,
    repeats: wholeFrom(keys['repeats'], 0),
    startEpoch: wholeFrom(keys['start_epoch'], 1) ?? 1,
    startStep: wholeFrom(keys['start_step'], 0) ?? 0,
    endEpoch: wholeFrom(keys['end_epoch'], 1),
    endStep: wholeFrom(keys['end_step'], 1),
    disableAfter: wholeFrom(keys['disable_after_epoch_step'], 1),
    sliderStrength: numberFrom(keys['slider_strength'], -Infinity),
  };
}

function numberFrom(value: unknown, min: number): number | null {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return null;
  const number = Number(value);
  return Number.isFinite(number) && number >= min ? number : null;
}

function wholeFrom(value: unknown, min: number): number | null {
  const number = numberFrom(value, min);
  return number === null || !Number.isInteger(number) ? null : number;
}

/** How likely each share is drawn from at the beginning, 0 to 1, where all that can be active are. */
export function shareWeights(mix: DatasetMix, samplesOf: (datasetId: string) => number): number[] {
  const sizes = mix.shares.map(({ datasetId }) => samplesOf(datasetId));
  const weights = mix.shares.map(({ probability }, index) =>
    mix.weighting === 'uniform' ? probability : probability * (sizes[index] ?? 0),
  );
  const total = weights.reduce((sum, weight) => sum + Math.max(0, weight), 0);
  return weights.map((weight) => (total > 0 ? Math.max(0, weight) / total : 0));
}

/** Everything that is wrong with a mix, in the order of the form; empty where there is none. */
export function mixProblems({
  mix,
  datasetId,
}: Pick<TrainingConfig, 'mix' | 'datasetId'>): TrainingProblem[] {
  if (mix === undefined) return [];
  const { weighting, strategy, shares } = mix;
  return [
    ...(MIX_WEIGHTINGS.includes(weighting)
      ? []
      : [problem('mix.weighting', weighting, 'is not on offer', 'Choose uniform or auto-weighting.')]),
    ...(typeof strategy === 'string' && strategy !== ''
      ? []
      : [problem('mix.strategy', strategy, 'is missing', `Choose ${BUILT_IN_STRATEGIES.join(' or ')}.`)]),
    ...(shares[0]?.datasetId === datasetId
      ? []
      : [problem('mix.shares', shares[0]?.datasetId, 'does not begin with the dataset', 'Put it first.')]),
    ...shares.flatMap((share, index) => shareProblems(share, index, shares)),
    ...startProblem(shares),
  ];
}

/** What is allowed and probably not meant: datasets that begin when the run is over. */
export function mixWarnings({ mix, epochs, maxSteps }: TrainingConfig): TrainingProblem[] {
  return (mix?.shares ?? []).flatMap(({ startEpoch, startStep }, index) => {
    const late = maxSteps === null ? startEpoch > Math.ceil(epochs) : startStep > maxSteps;
    const [field, value] = maxSteps === null ? ['startEpoch', startEpoch] : ['startStep', startStep];
    const fact = 'is after the end of the run: its dataset will never be sampled';
    return late ? [problem(`mix.shares.${index}.${field}`, value, fact, 'Begin earlier.')] : [];
  });
}

function shareProblems(
  share: DatasetShare,
  index: number,
  shares: readonly DatasetShare[],
): TrainingProblem[] {
  const at = (field: string): string => `mix.shares.${index}.${field}`;
  const whole = (field: keyof DatasetShare, min: number, max: number, orNull: boolean): TrainingProblem[] => {
    const value = share[field];
    if (orNull && value === null) return [];
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return [];
    const wanted = `a whole number from ${min} to ${max}${orNull ? ', or nothing' : ''}`;
    return [problem(at(field), value, `must be ${wanted}`, `Enter ${wanted}.`)];
  };
  const { datasetId, probability, startEpoch, endEpoch, startStep, endStep } = share;
  const twice = shares.findIndex((other) => other.datasetId === datasetId) !== index;
  const problems = [
    ...(datasetId === '' ? [problem(at('datasetId'), '', 'is missing', 'Choose a dataset.')] : []),
    ...(twice
      ? [problem(at('datasetId'), datasetId, 'stands there twice', 'Give it a higher probability.')]
      : []),
    ...(Number.isFinite(probability) && probability >= 0
      ? []
      : [problem(at('probability'), probability, 'must be a number from 0', 'Enter 1; 0 is never sampled.')]),
    ...whole('repeats', 0, MOST_REPEATS, true),
    ...whole('startEpoch', 1, MOST_STEPS, false),
    ...whole('endEpoch', 1, MOST_STEPS, true),
    ...whole('startStep', 0, MOST_STEPS, false),
    ...whole('endStep', 1, MOST_STEPS, true),
    ...whole('disableAfter', 1, MOST_STEPS, true),
  ];
  if (problems.length > 0) return problems;
  return [
    ...(endEpoch !== null && endEpoch < startEpoch ? [endsEarly(at('endEpoch'), endEpoch)] : []),
    ...(endStep !== null && startStep > 0 && endStep < startStep ? [endsEarly(at('endStep'), endStep)] : []),
  ];
}

function startProblem(shares: readonly DatasetShare[]): TrainingProblem[] {
  const begins = shares.some(
    ({ startEpoch, startStep, probability }) => startEpoch <= 1 && startStep <= 1 && probability > 0,
  );
  if (begins) return [];
  const fact =
    'have none to begin with: no dataset has a start epoch of 1, a start step of 0 or 1 and a probability';
  return [problem('mix.shares', shares.length, fact, 'Let one of them begin at the beginning.')];
}

const endsEarly = (path: string, value: number): TrainingProblem =>
  problem(path, value, 'is before its start', 'End after the start, or leave it empty.');
