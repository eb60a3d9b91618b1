// Unknown input to settings: migrated, completed with defaults, checked. Errors name the path and the value; a
// mistyped key gets the name that was probably meant.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import { suggestion } from '../did-you-mean';
import { isPlainObject, mergeDeep } from './merge';
import { migrateDocument } from './migrate';
import { defaultSettings, type Settings } from './settings';
import { settingsSchema } from './settings-schema';
import { validateTrainingDefaults } from './training-config';

export interface SettingsProblem {
  code: 'config.invalid' | 'config.unknown-key';
  path: string;
  value: unknown;
  message: string;
  remedy: string;
}

/** @throws AppError `config.invalid` or `config.unknown-key`: the first problem, all of them in `details.problems`. */
export function parseSettings(input: unknown): Settings {
  const document = mergeDeep(defaultSettings, migrateDocument(input));
  const parsed = v.safeParse(settingsSchema, document);
  if (!parsed.success) throw settingsError(parsed.issues.map(problemOf));
  const { training } = parsed.output;
  // A plugin may bring the schedule; whether there is one of that name is known when a run starts.
  const found = validateTrainingDefaults(training, { schedules: [training.schedule] });
  const problems = found.map((problem) => ({
    ...problem,
    code: 'config.invalid' as const,
    path: `training.${problem.path}`,
    message: `training.${problem.message}`,
  }));
  if (problems.length > 0) throw settingsError(problems);
  return parsed.output;
}

type SettingsIssue = v.InferIssue<typeof settingsSchema>;

function problemOf(issue: SettingsIssue): SettingsProblem {
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const path = keys.join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') return unknownKey(keys, issue.input);
  const fact = `${path} must be ${issue.expected ?? 'another value'}: ${issue.received}.`;
  const remedy = `Set ${path} to ${issue.expected ?? 'an allowed value'}, or remove it to get the default.`;
  return { code: 'config.invalid', path, value: issue.input, message: fact, remedy };
}

function unknownKey(keys: string[], value: unknown): SettingsProblem {
  const path = keys.join('.');
  const section = keys.slice(0, -1).reduce<unknown>((current, key) => {
    return isPlainObject(current) && Object.hasOwn(current, key) ? current[key] : null;
  }, defaultSettings);
  const known = isPlainObject(section) ? Object.keys(section) : [];
  return {
    code: 'config.unknown-key',
    path,
    value,
    message: `${path} is not a setting.`,
    remedy: suggestion(keys.at(-1) ?? '', known),
  };
}

function settingsError(problems: SettingsProblem[]): AppError {
  // A mistyped key explains more than what follows from it.
  const first = problems.find((problem) => problem.code === 'config.unknown-key') ?? problems[0];
  if (first === undefined) return new AppError('config.invalid', 'The settings are not valid.');
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AppError(first.code, `${first.message}${more}`, {
    details: { path: first.path, value: first.value, problems },
    remedy: first.remedy,
  });
}
