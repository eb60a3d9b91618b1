// A text that configures backends, to configurations that can be stored, or to everything that is wrong with it. In the
// order in which it matters: disabled ones go, what others are made from comes first, variables are filled, credentials
// are taken out, each is checked for itself, then all together.
import type {
  BackendConfigJson,
  BackendProblem,
  BackendSecrets,
  ConfigOutcome,
} from '../../../protocol/backends';
import type { BackendTypePlugin } from './backend-entries';
import { checkConfig } from './check-config';
import { checkRegistry, type PlacedConfig, type RegistryContext } from './check-registry';
import { fillVariables } from './fill-variables';
import { readConfigText } from './read-config-text';
import { isDisabled, sortByDependency } from './sort-by-dependency';
import { takeSecrets } from './take-secrets';

export interface ConfigContext extends RegistryContext {
  /** Values of `{env:NAME}`. */
  env: (name: string) => string | undefined;
  plugins: readonly BackendTypePlugin[];
}

/** Never throws for what the text says. Configurations and secrets are empty while there are problems. */
export function parseBackendConfigs(text: string, context: ConfigContext): ConfigOutcome {
  const read = readConfigText(text);
  const problems = [...read.problems];
  const warnings: BackendProblem[] = [];
  const secrets: Record<string, BackendSecrets> = {};
  const sorted = inOrder(read.configs, problems, warnings);
  const checked = sorted.map((placed) => {
    const taken = takeSecrets(filled(placed, context), placed.path);
    const { config, ...found } = checkConfig(taken.config, placed.path, context.plugins);
    problems.push(...taken.problems, ...found.problems);
    warnings.push(...found.warnings);
    if (typeof config['id'] === 'string') {
      config['id'] = config['id'].trim();
      if (Object.keys(taken.secrets).length > 0) secrets[String(config['id'])] = taken.secrets;
    }
    return { path: placed.path, config };
  });
  if (read.problems.length > 0 && checked.length === 0)
    return { backends: [], secrets: {}, problems, warnings };
  const registry = checkRegistry(checked, context);
  const all = inTextOrder(oncePerPath(joinFolders([...problems, ...registry.problems], checked)));
  const told = [...warnings, ...registry.warnings];
  if (all.length > 0) return { backends: [], secrets: {}, problems: all, warnings: told };
  const backends = registry.configs.map(({ config }) => config as BackendConfigJson);
  return { backends, secrets, problems: [], warnings: told };
}

/** Without disabled ones, what others are made from first. */
function inOrder(
  written: readonly PlacedConfig[],
  problems: BackendProblem[],
  warnings: BackendProblem[],
): PlacedConfig[] {
  const disabled = written.filter(({ config }) => isDisabled(config));
  for (const { path } of disabled) {
    const message = 'A disabled backend was left out.';
    warnings.push({ path: `${path}disabled`, message, remedy: 'Remove disabled to use it.' });
  }
  const enabled = new Map(written.filter((one) => !disabled.includes(one)).map((one) => [one.config, one]));
  const { configs, cycle } = sortByDependency([...enabled.keys()]);
  if (cycle !== null) {
    problems.push({
      path: '',
      message: `Circular dependency detected involving dataset '${cycle}'.`,
      remedy: 'Remove a source_dataset_id or conditioning_data of the circle.',
    });
  }
  return configs.flatMap((config) => enabled.get(config) ?? []);
}

function filled({ config }: PlacedConfig, { variables, env }: ConfigContext): Record<string, unknown> {
  const id = typeof config['id'] === 'string' ? config['id'] : '';
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, fillVariables(value, { ...variables, id }, env)]),
  );
}

/** The first of several findings about one setting; findings about the whole are all told. */
function oncePerPath(problems: readonly BackendProblem[]): BackendProblem[] {
  const told = new Set<string>();
  return problems.filter(({ path }) => {
    if (path === '') return true;
    const isNew = !told.has(path);
    told.add(path);
    return isNew;
  });
}

/** Folders that are missing are told together: they are chosen together. */
function joinFolders(
  problems: readonly BackendProblem[],
  configs: readonly PlacedConfig[],
): BackendProblem[] {
  const isFolder = ({ path, message }: BackendProblem) =>
    path.endsWith('instance_data_dir') && message.endsWith('is missing.');
  const missing = problems.filter(isFolder);
  const [first] = missing;
  if (first === undefined) return [...problems];
  const ids = configs
    .filter(({ path }) => missing.some((problem) => problem.path === `${path}instance_data_dir`))
    .map(({ path, config }) => (typeof config['id'] === 'string' ? `"${config['id']}"` : path));
  const joined = {
    path: first.path,
    message: `instance_data_dir is missing in ${ids.join(', ')}.`,
    remedy: 'Set it to the name of the folder.',
  };
  return problems.flatMap((problem) => (problem === first ? [joined] : isFolder(problem) ? [] : [problem]));
}

/** As people read the text, whatever order the work had. */
function inTextOrder(problems: readonly BackendProblem[]): BackendProblem[] {
  const index = ({ path }: BackendProblem) => Number(/^\[(\d+)\]/.exec(path)?.[1] ?? -1);
  return problems.toSorted((a, b) => index(a) - index(b));
}
