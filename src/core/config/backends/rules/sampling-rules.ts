// When a dataset takes part: ends that come after beginnings, and values that count as unset.
import type { ConfigRule, Report } from './findings';

type Config = Readonly<Record<string, unknown>>;

export const samplingRules: ConfigRule = (config, problem, warning) => {
  if (config['dataset_type'] === 'eval') {
    if (config['train_batch_size'] !== undefined && config['train_batch_size'] !== 1) {
      warning('train_batch_size', 'train_batch_size of an eval dataset is always 1.', 'Remove it.');
    }
    return;
  }
  beginning(config, 'start_epoch', 1, warning);
  beginning(config, 'start_step', 0, warning);
  for (const key of ['end_epoch', 'end_step']) end(config, key, warning);
  order(config, problem);
};

function beginning(config: Config, key: string, least: number, warning: Report) {
  const value = config[key];
  if (value === undefined || isWhole(value, least)) return;
  warning(
    key,
    `${key} must be a whole number of at least ${least}: ${JSON.stringify(value)}. ${least} is used.`,
    `Correct or remove it.`,
  );
}

/** 0 and negative numbers are ways to say that there is no end. */
function end(config: Config, key: string, warning: Report) {
  const value = config[key];
  if (value === undefined || (typeof value === 'number' && (value <= 0 || isWhole(value, 1)))) return;
  warning(
    key,
    `${key} must be a whole number of at least 1: ${JSON.stringify(value)}. It has no end.`,
    'Correct or remove it.',
  );
}

function order(config: Config, problem: Report) {
  for (const [unit, least] of [
    ['epoch', 1],
    ['step', 0],
  ] as const) {
    const written = config[`start_${unit}`];
    const [start, last] = [isWhole(written, least) ? written : least, config[`end_${unit}`]];
    if (!isWhole(last, 1) || last >= start) continue;
    // A step that it begins with is only compared where one was set.
    if (unit === 'step' && start === 0) continue;
    problem(
      `end_${unit}`,
      `end_${unit} is before start_${unit}: ${last} and ${start}.`,
      `Set end_${unit} to ${start} or more, or remove it.`,
    );
  }
}

function isWhole(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least;
}
