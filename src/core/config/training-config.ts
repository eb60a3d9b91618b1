// Defaults of a training run, and what is wrong with a configuration, in words a form can show. Pure and small: the
// page imports it. The schema of stored settings is settings-schema.ts.
import { AppError } from '../../lib/errors';
import { LORA_TARGETS, WEIGHT_STORAGES } from '../../protocol/models';
import type { TrainingConfig } from '../../protocol/training';
import { mixProblems } from './dataset-mix';
import { problem, type TrainingProblem } from './training-problem';

/** Everything but what a run is about: its name, model, adapter and datasets. */
export type TrainingDefaults = Omit<
  TrainingConfig,
  'name' | 'modelId' | 'startFromAdapterId' | 'datasetId' | 'mix'
>;

/** Small models on one machine: LoRA on every projection, at the high learning rate that small ranks take. */
export const trainingDefaults: TrainingDefaults = {
  method: 'lora',
  baseStorage: 'f32',
  lora: {
    rank: 16,
    alpha: 32,
    dropout: 0.05,
    targets: [...LORA_TARGETS],
    useRslora: false,
    useDora: false,
  },
  epochs: 3,
  maxSteps: null,
  batchSize: 8,
  gradientAccumulation: 1,
  sequenceLength: 128,
  packing: true,
  trainOn: 'assistant',
  evalShare: 0.1,
  learningRate: 1e-3,
  schedule: 'cosine',
  warmupRatio: 0.06,
  weightDecay: 0.01,
  maxGradNorm: 1,
  emaDecay: null,
  evalInterval: 50,
  earlyStoppingPatience: null,
  checkpointInterval: 50,
  keepCheckpoints: 3,
  prefetch: 4,
  samplePrompts: [],
  seed: 42,
};

export interface TrainingLimits {
  /** Schedules on offer; the built-in ones by default. */
  schedules?: readonly string[];
  /** Tokens the model takes; unknown is not checked. */
  contextLength?: number;
}

interface Range {
  min: number;
  max: number;
  /** The bound itself is not allowed. */
  aboveMin?: boolean;
  belowMax?: boolean;
  integer?: boolean;
  orNull?: boolean;
  optional?: boolean;
}

const count = (min: number, max: number): Range => ({ min, max, integer: true });
const share = (bounds: Partial<Range> = {}): Range => ({ min: 0, max: 1, ...bounds });

/** Batches that wait in memory. */
const MOST_PREFETCHED = 256;

const RANGES: Partial<Record<keyof TrainingConfig, Range>> = {
  epochs: { min: 0, max: 1000, aboveMin: true },
  maxSteps: { ...count(1, 10_000_000), orNull: true },
  batchSize: count(1, 1024),
  gradientAccumulation: count(1, 1024),
  sequenceLength: count(8, 131_072),
  evalShare: share({ belowMax: true }),
  learningRate: { min: 0, max: 1, aboveMin: true },
  warmupRatio: share(),
  weightDecay: share(),
  maxGradNorm: { min: 0, max: 1e6 },
  emaDecay: share({ aboveMin: true, belowMax: true, orNull: true }),
  evalInterval: count(0, 10_000_000),
  earlyStoppingPatience: { ...count(1, 10_000), orNull: true },
  checkpointInterval: count(0, 10_000_000),
  keepCheckpoints: count(1, 1000),
  prefetch: { ...count(0, MOST_PREFETCHED), optional: true },
  seed: count(0, 4_294_967_295),
};

const LORA_RANGES: Record<'rank' | 'alpha' | 'dropout', Range> = {
  rank: count(1, 1024),
  alpha: { min: 0, max: 65_536, aboveMin: true },
  dropout: share({ belowMax: true }),
};

const CHOICES = {
  method: ['lora', 'full'],
  baseStorage: WEIGHT_STORAGES,
  trainOn: ['assistant', 'all'],
} as const;
const SCHEDULES = ['constant', 'linear', 'cosine'];

/** Everything that is wrong, in the order of the form; empty where a run can start. */
export function validateTrainingConfig(
  config: TrainingConfig,
  limits: TrainingLimits = {},
): TrainingProblem[] {
  return [
    ...identityProblems(config),
    ...mixProblems(config),
    ...validateTrainingDefaults(config, limits),
    ...(config.startFromAdapterId !== null && config.method !== 'lora'
      ? [
          problem(
            'startFromAdapterId',
            config.startFromAdapterId,
            'only LoRA goes on from an adapter',
            'Choose LoRA, or start from the base model.',
          ),
        ]
      : []),
  ];
}

/** The same without name, model and dataset: what settings keep. */
export function validateTrainingDefaults(
  config: TrainingDefaults,
  limits: TrainingLimits = {},
): TrainingProblem[] {
  const schedules = limits.schedules ?? SCHEDULES;
  return [
    ...choiceProblem('method', config.method, CHOICES.method),
    ...storageProblem(config),
    ...(config.method === 'lora' ? loraProblems(config.lora) : []),
    ...Object.entries(RANGES).flatMap(([key, range]) =>
      rangeProblem(key, (config as unknown as Record<string, unknown>)[key], range),
    ),
    ...choiceProblem('trainOn', config.trainOn, CHOICES.trainOn),
    ...choiceProblem('schedule', config.schedule, schedules),
    ...contextProblem(config.sequenceLength, limits.contextLength),
    ...earlyStoppingProblem(config),
  ];
}

/** @throws AppError `training.invalid` with every problem in `details.problems`. */
export function assertTrainingConfig(config: TrainingConfig, limits: TrainingLimits = {}): void {
  const problems = validateTrainingConfig(config, limits);
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new AppError('training.invalid', `${first.message}${more}`, {
    details: { path: first.path, value: String(first.value), problems },
    remedy: first.remedy,
  });
}

function identityProblems(config: TrainingConfig): TrainingProblem[] {
  return (['name', 'modelId', 'datasetId'] as const)
    .filter((key) => typeof config[key] !== 'string' || config[key].trim() === '')
    .map((key) => problem(key, config[key], 'is missing', `Choose a ${key.replace('Id', '')}.`));
}

function loraProblems(lora: TrainingConfig['lora']): TrainingProblem[] {
  const unknown = lora.targets.filter((target) => !LORA_TARGETS.includes(target));
  const names = LORA_TARGETS.join(', ');
  return [
    ...Object.entries(LORA_RANGES).flatMap(([key, range]) =>
      rangeProblem(`lora.${key}`, lora[key as keyof typeof LORA_RANGES], range),
    ),
    ...unknown.map((target) => problem('lora.targets', target, 'is no projection', `Choose among ${names}.`)),
    ...(lora.targets.length === 0
      ? [problem('lora.targets', [], 'names no projection', `Choose at least one of ${names}.`)]
      : []),
  ];
}

function rangeProblem(path: string, value: unknown, range: Range): TrainingProblem[] {
  if (value === null && range.orNull === true) return [];
  if (value === undefined && range.optional === true) return [];
  const wanted = describe(range);
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return [problem(path, value, 'is not a number', `Enter ${wanted}.`)];
  }
  const tooLow = range.aboveMin === true ? value <= range.min : value < range.min;
  const tooHigh = range.belowMax === true ? value >= range.max : value > range.max;
  const broken = range.integer === true && !Number.isInteger(value);
  return tooLow || tooHigh || broken ? [problem(path, value, `must be ${wanted}`, `Enter ${wanted}.`)] : [];
}

function describe({ min, max, aboveMin, belowMax, integer, orNull }: Range): string {
  const low = aboveMin === true ? `above ${min}` : `from ${min}`;
  const high = belowMax === true ? `below ${max}` : `at most ${max}`;
  return `a ${integer === true ? 'whole ' : ''}number ${low} and ${high}${orNull === true ? ', or nothing' : ''}`;
}

function choiceProblem(path: string, value: unknown, choices: readonly string[]): TrainingProblem[] {
  if (typeof value === 'string' && choices.includes(value)) return [];
  return [problem(path, value, 'is not on offer', `Choose one of ${choices.join(', ')}.`)];
}

function storageProblem({ method, baseStorage = 'f32' }: TrainingDefaults): TrainingProblem[] {
  const unknown = choiceProblem('baseStorage', baseStorage, CHOICES.baseStorage);
  if (unknown.length > 0 || method === 'lora' || baseStorage === 'f32') return unknown;
  const fact =
    'cannot be trained itself: the steps of a full fine-tuning are smaller than what it can tell apart';
  return [problem('baseStorage', baseStorage, fact, 'Choose f32, or LoRA.')];
}

function contextProblem(sequenceLength: number, contextLength: number | undefined): TrainingProblem[] {
  if (contextLength === undefined || !(sequenceLength > contextLength)) return [];
  const fact = `is longer than the ${contextLength} tokens the model takes`;
  return [problem('sequenceLength', sequenceLength, fact, `Enter at most ${contextLength}.`)];
}

function earlyStoppingProblem({ earlyStoppingPatience, evalShare }: TrainingDefaults): TrainingProblem[] {
  if (earlyStoppingPatience === null || evalShare !== 0) return [];
  const fact = 'needs evaluations, but no samples are held out';
  return [
    problem('earlyStoppingPatience', earlyStoppingPatience, fact, 'Hold out a share, or switch it off.'),
  ];
}
