// Everything that is wrong with one configuration: each setting by itself, then settings against each other. It looks at all
// of it, whatever it found before, so that people mend it once.
import type { BackendProblem } from '../../../protocol/backends';
import type { BackendTypePlugin } from './backend-entries';
import { captionRules } from './rules/caption-rules';
import { imageRules } from './rules/image-rules';
import { metadataRules } from './rules/metadata-rules';
import { samplingRules } from './rules/sampling-rules';
import type { Findings } from './rules/findings';
import { textRules } from './rules/text-rules';
import { kindProblems, settingProblems } from './config-problems';
import { normaliseConfig, type NormalisedConfig } from './normalise-config';

const RULES = [metadataRules, captionRules, textRules, imageRules, samplingRules];

/** @param path where the configuration stands: `[2].`, or '' where it is the only one. */
export function checkConfig(
  written: Readonly<Record<string, unknown>>,
  path: string,
  plugins: readonly BackendTypePlugin[] = [],
): NormalisedConfig {
  const { config, problems, warnings } = normaliseConfig(written, path);
  const own = [
    ...problems,
    ...kindProblems(config, path, plugins),
    ...settingProblems(config, path, plugins),
  ];
  const told = new Set(own.map((problem) => problem.path));
  const found = findings(config, path);
  return {
    config,
    // A setting that is wrong by itself is told once.
    problems: [...own, ...found.problems.filter((problem) => !told.has(problem.path))],
    warnings: [...warnings, ...found.warnings],
  };
}

function findings(config: Readonly<Record<string, unknown>>, path: string): Findings {
  const found: Findings = { problems: [], warnings: [] };
  for (const rule of RULES) rule(config, reporter(found.problems, path), reporter(found.warnings, path));
  return found;
}

function reporter(list: BackendProblem[], path: string) {
  return (key: string, message: string, remedy: string) =>
    void list.push({ path: path + key, message, remedy });
}
