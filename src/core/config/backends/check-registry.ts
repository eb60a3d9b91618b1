// Rules between backends: their ids, the caches that they share, what names what, and that there is something to train on.
import type { BackendConfigJson, BackendProblem } from '../../../protocol/backends';
import { suggestion } from '../../did-you-mean';

export interface PlacedConfig {
  /** Where it stands in the text: `[2].`, or ''. */
  path: string;
  config: Readonly<Record<string, unknown>>;
}

export interface RegistryContext {
  variables: { model_family: string; output_dir: string };
  /** Backends that are there already. One with the same id is replaced. */
  existing: readonly BackendConfigJson[];
  /** Datasets that can be trained on and that no backend made. */
  otherDatasets: number;
  /** Installed models that make vectors; absent where it is not known which there are. */
  encoders?: readonly { id: string; name: string }[];
  /** How long the run is that they are for; unknown is not checked. */
  run: { epochs: number; steps: number | null } | null;
}

export interface RegistryFindings {
  /** The configurations with the default caches marked, and the one that was added. */
  configs: PlacedConfig[];
  problems: BackendProblem[];
  warnings: BackendProblem[];
}

export function checkRegistry(written: readonly PlacedConfig[], context: RegistryContext): RegistryFindings {
  const ids = new Set(written.map(({ config }) => config['id']));
  const others = context.existing.filter(({ id }) => !ids.has(id)).map((config) => ({ path: '', config }));
  const defaults = withDefaultTextEmbeds(written, others, context);
  const configs = defaults.configs;
  const everything = [...configs, ...others];
  return {
    configs,
    problems: [
      ...idProblems(written),
      ...defaults.problems,
      ...configs.flatMap((config) => referenceProblems(config, everything)),
      ...configs.flatMap((config) => encoderProblems(config, context)),
      ...trainingProblems(everything, context),
    ],
    warnings: [...defaults.warnings, ...scheduleWarnings(configs, context), ...replaced(written, context)],
  };
}

function idProblems(written: readonly PlacedConfig[]): BackendProblem[] {
  const seen = new Set<string>();
  return written.flatMap(({ path, config }) => {
    const id = typeof config['id'] === 'string' ? config['id'].trim() : '';
    if (id !== '' && !seen.has(id)) {
      seen.add(id);
      return [];
    }
    const isImageEmbeds = id !== '' && config['dataset_type'] === 'image_embeds';
    const message = isImageEmbeds
      ? `You can only have one backend named ${id}.`
      : `Each dataset needs a unique 'id' field.${id === '' ? '' : ` "${id}" is there twice.`}`;
    return [{ path: `${path}id`, message, remedy: 'Give it an id of its own.' }];
  });
}

function replaced(written: readonly PlacedConfig[], { existing }: RegistryContext): BackendProblem[] {
  const known = new Set(existing.map(({ id }) => id));
  return written
    .filter(({ config }) => known.has(String(config['id'])))
    .map(({ path, config }) => ({
      path: `${path}id`,
      message: `There is a backend "${String(config['id'])}" already: its configuration is replaced.`,
      remedy: 'Give it another id to keep both.',
    }));
}

const isKind = (kind: string) => (placed: PlacedConfig) => placed.config['dataset_type'] === kind;
const isDefault = ({ config }: PlacedConfig) => config['default'] === true;
/** What is read as data: everything but caches. */
const isDataset = (placed: PlacedConfig) => !isKind('text_embeds')(placed) && !isKind('image_embeds')(placed);
const isTraining = (placed: PlacedConfig) =>
  ['text', 'caption', 'image'].some((kind) => isKind(kind)(placed));

function withDefaultTextEmbeds(
  written: readonly PlacedConfig[],
  others: readonly PlacedConfig[],
  context: RegistryContext,
): RegistryFindings {
  const stores = [...written, ...others].filter(isKind('text_embeds'));
  const chosen = stores.filter(isDefault);
  const result: RegistryFindings = { configs: [...written], problems: [], warnings: [] };
  if (stores.length === 0) {
    if (written.some(isDataset))
      result.configs.push({ path: '', config: createdTextEmbeds(written, others, context) });
  } else if (chosen.length === 0) {
    const first = stores[0];
    result.configs = result.configs.map((placed) =>
      placed === first ? { ...placed, config: { ...placed.config, default: true } } : placed,
    );
  } else if (chosen.length > 1) {
    const path = chosen.filter((placed) => written.includes(placed)).at(-1)?.path ?? '';
    result.problems.push({
      path: `${path}default`,
      message: 'Only one text embed backend can be marked as default.',
      remedy: 'Remove default from all but one.',
    });
  }
  return result;
}

function createdTextEmbeds(
  written: readonly PlacedConfig[],
  others: readonly PlacedConfig[],
  { variables }: RegistryContext,
): BackendConfigJson {
  const ids = new Set([...written, ...others].map(({ config }) => config['id']));
  let id = 'text-embeds';
  for (let count = 1; ids.has(id); count += 1) id = `text-embeds-${count}`;
  return {
    id,
    dataset_type: 'text_embeds',
    type: 'local',
    cache_dir: `${variables.output_dir}/cache/text/${variables.model_family}`,
    default: true,
    write_batch_size: 128,
  };
}

/** Settings that name another backend, and of what kind it must be; null is any dataset. */
const REFERENCES: Record<string, string | null> = {
  text_embeds: 'text_embeds',
  image_embeds: 'image_embeds',
  source_dataset_id: null,
  conditioning_data: null,
};

function referenceProblems(
  { path, config }: PlacedConfig,
  everything: readonly PlacedConfig[],
): BackendProblem[] {
  return Object.entries(REFERENCES).flatMap(([key, kind]) => {
    const fits = everything.filter(kind === null ? isDataset : isKind(kind));
    const known = fits.map((placed) => String(placed.config['id']));
    const isList = Array.isArray(config[key]);
    return [config[key]].flat().flatMap((id: unknown, index) => {
      if (typeof id !== 'string' || known.includes(id.trim())) return [];
      const what = kind ?? 'dataset';
      const message = `${key} names a ${what} backend that is not there: ${JSON.stringify(id)}.`;
      return [{ path: `${path}${key}${isList ? `[${index}]` : ''}`, message, remedy: suggestion(id, known) }];
    });
  });
}

function encoderProblems({ path, config }: PlacedConfig, { encoders }: RegistryContext): BackendProblem[] {
  const { encoder } = config;
  if (typeof encoder !== 'string' || encoders === undefined) return [];
  if (encoders.some(({ id, name }) => encoder.trim() === id || encoder.trim() === name)) return [];
  const message = `encoder names a model that is not installed: ${JSON.stringify(encoder)}.`;
  const known = encoders.map(({ name }) => name);
  const remedy =
    known.length === 0
      ? 'Import an embedding model as ONNX under Models, or leave encoder out and choose one later.'
      : `${suggestion(encoder, known)} Others are imported under Models, as ONNX.`;
  return [{ path: `${path}encoder`, message, remedy }];
}

function trainingProblems(
  everything: readonly PlacedConfig[],
  { otherDatasets }: RegistryContext,
): BackendProblem[] {
  if (otherDatasets > 0) return [];
  const training = everything.filter(isTraining);
  // A dataset that is only searched is worth having by itself.
  if (training.length === 0 && everything.some(({ config }) => config['dataset_type'] === 'embeddings'))
    return [];
  if (training.length === 0) {
    return [
      {
        path: '',
        message: 'At least one training dataset must remain.',
        remedy:
          'Add a backend of dataset_type text, caption or image that is not disabled, or one of embeddings.',
      },
    ];
  }
  const starts = ({ config }: PlacedConfig) =>
    beginning(config['start_epoch'], 1) <= 1 && beginning(config['start_step'], 0) <= 1;
  if (training.some(starts)) return [];
  return [
    {
      path: training.length === 1 ? `${training[0]?.path ?? ''}start_${lateUnit(training)}` : '',
      message: 'No training dataset takes part from the beginning.',
      remedy: 'Let one start at epoch 1 and step 0 or 1.',
    },
  ];
}

function lateUnit(training: readonly PlacedConfig[]): string {
  return beginning(training[0]?.config['start_epoch'], 1) > 1 ? 'epoch' : 'step';
}

function scheduleWarnings(configs: readonly PlacedConfig[], { run }: RegistryContext): BackendProblem[] {
  if (run === null) return [];
  return configs.filter(isTraining).flatMap(({ path, config }) => {
    const late = [
      ['start_epoch', beginning(config['start_epoch'], 1), run.epochs] as const,
      ['start_step', beginning(config['start_step'], 0), run.steps ?? Infinity] as const,
    ].filter(([, start, last]) => start > last);
    return late.map(([key, start, last]) => ({
      path: path + key,
      message: `"${String(config['id'])}" will never sample: ${key} is ${start} and the run ends at ${last}.`,
      remedy: `Set ${key} to ${last} or less.`,
    }));
  });
}

/** As it counts: a bad value is the default. */
function beginning(value: unknown, least: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least ? value : least;
}
