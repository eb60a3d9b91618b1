// Configurations with which other trainers go on from an adapter: LLaMA-Factory and axolotl, as YAML. Pure text; the files
// that they name are the bundle's. Keys are those of the projects' own references:
// https://github.com/hiyouga/LLaMA-Factory/tree/main/src/llamafactory/hparams, https://docs.axolotl.ai/docs/config-reference.html
import type { LoraConfig } from '../../protocol/models';
import type { TrainingConfig } from '../../protocol/training';

export interface Recipe {
  /** Hub repository or folder of the base. */
  base: string;
  lora: LoraConfig;
  /** Of the base, that the adapter changes, as PEFT finds them. */
  modules: readonly string[];
  training: TrainingConfig;
  /** At least one. */
  datasets: readonly RecipeDataset[];
  hasChatTemplate: boolean;
}

export interface RecipeDataset {
  /** Under which the configurations name it. */
  name: string;
  /** In `DATA_FOLDER`. */
  file: string;
  /** Conversations, or plain text that is learnt whole. */
  samples: 'turns' | 'text';
  /** Share of what is drawn; 0 is held out: it is evaluated only. */
  weight: number;
}

export const DATA_FOLDER = 'data';
export const ADAPTER_FOLDER = 'adapter';
/** The one dataset of a run, also where it is not there any more: people put theirs in its place. */
export const SOLE_DATASET: RecipeDataset = {
  name: 'fragua',
  file: 'dataset.jsonl',
  samples: 'turns',
  weight: 1,
};

type Value = string | number | boolean | readonly string[];

/** JSON's strings and lists are YAML's too. Numbers like 1e-7 get a point: YAML 1.1 takes them for text without one. */
function line(key: string, value: Value, indent = ''): string {
  if (typeof value !== 'number') return `${indent}${key}: ${JSON.stringify(value)}`;
  return `${indent}${key}: ${String(value).replace(/^(-?\d+)e/, '$1.0e')}`;
}

const lines = (values: Record<string, Value>, indent = ''): string[] =>
  Object.entries(values).map(([key, value]) => line(key, value, indent));

/** Both know these names; other schedules have none there. */
function schedulerOf({ schedule, warmupRatio }: TrainingConfig): string {
  if (schedule === 'constant') return warmupRatio > 0 ? 'constant_with_warmup' : 'constant';
  return schedule === 'linear' ? 'linear' : 'cosine';
}

/** Optimizer, clipping and length of a run: the same names in both. */
function sharedValues(training: TrainingConfig): Record<string, Value> {
  return {
    gradient_accumulation_steps: training.gradientAccumulation,
    learning_rate: training.learningRate,
    warmup_ratio: training.warmupRatio,
    weight_decay: training.weightDecay,
    max_grad_norm: training.maxGradNorm,
    seed: training.seed,
    ...(training.maxSteps === null ? {} : { max_steps: training.maxSteps }),
  };
}

/** `dataset_info.json`, which tells LLaMA-Factory how the datasets read. */
export function llamaFactoryDatasets(datasets: readonly RecipeDataset[]): string {
  const tags = {
    role_tag: 'role',
    content_tag: 'content',
    user_tag: 'user',
    assistant_tag: 'assistant',
    system_tag: 'system',
  };
  const infoOf = ({ file: file_name, samples }: RecipeDataset): object =>
    samples === 'turns'
      ? { file_name, formatting: 'sharegpt', columns: { messages: 'messages' }, tags }
      : { file_name, columns: { prompt: 'text' } };
  const info = Object.fromEntries(datasets.map((dataset) => [dataset.name, infoOf(dataset)]));
  return `${JSON.stringify(info, null, 2)}\n`;
}

/** A run of LLaMA-Factory is of conversations or of texts: it learns those of the kind that comes first. */
function ofOneKind(datasets: readonly RecipeDataset[]) {
  const drawn = datasets.filter(({ weight }) => weight > 0);
  const samples = (drawn[0] ?? datasets[0] ?? SOLE_DATASET).samples;
  const isTaken = (dataset: RecipeDataset): boolean => dataset.samples === samples;
  return {
    samples,
    drawn: drawn.filter(isTaken),
    heldOut: datasets.filter((dataset) => dataset.weight === 0 && isTaken(dataset)),
    others: datasets.filter((dataset) => !isTaken(dataset)),
  };
}

const namesOf = (datasets: readonly RecipeDataset[]): string => datasets.map(({ name }) => name).join(',');

export function llamaFactoryRecipe({ base, lora, modules, training, datasets }: Recipe): string {
  const { samples, drawn, heldOut, others } = ofOneKind(datasets);
  return [
    '# llamafactory-cli train llama-factory.yaml',
    '### model',
    ...lines({ model_name_or_path: base, adapter_name_or_path: ADAPTER_FOLDER }),
    '',
    '### method',
    ...lines({
      stage: samples === 'turns' ? 'sft' : 'pt',
      do_train: true,
      finetuning_type: 'lora',
      lora_rank: lora.rank,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      lora_target: modules.join(','),
      use_rslora: lora.useRslora === true,
      use_dora: lora.useDora === true,
    }),
    '# DeepSpeed on several devices: a configuration of LLaMA-Factory’s examples/deepspeed.',
    '# deepspeed: examples/deepspeed/ds_z3_config.json',
    '',
    '### dataset (without `template`, the chat template of the tokenizer is taken)',
    ...(others.length === 0
      ? []
      : [`# Samples of another kind need a run of their own: ${namesOf(others)}.`]),
    ...lines({
      dataset: namesOf(drawn),
      dataset_dir: DATA_FOLDER,
      ...mixOf(drawn),
      cutoff_len: training.sequenceLength,
      packing: training.packing,
      ...(samples === 'turns' ? { train_on_prompt: training.trainOn === 'all' } : {}),
    }),
    '',
    '### output',
    ...lines({ output_dir: 'out/llama-factory', logging_steps: 10, save_steps: 500, report_to: 'none' }),
    '',
    '### train',
    ...lines({
      per_device_train_batch_size: training.batchSize,
      ...sharedValues(training),
      num_train_epochs: training.epochs,
      lr_scheduler_type: schedulerOf(training),
      bf16: true,
    }),
    ...llamaFactoryEvaluation(training, heldOut),
    '',
  ].join('\n');
}

/** By weight, until each dataset was seen. */
function mixOf(drawn: readonly RecipeDataset[]): Record<string, Value> {
  if (drawn.length < 2) return {};
  const total = drawn.reduce((sum, { weight }) => sum + weight, 0);
  const shares = drawn.map(({ weight }) => Number((weight / total).toFixed(4)));
  return { mix_strategy: 'interleave_over', interleave_probs: shares.join(',') };
}

function llamaFactoryEvaluation({ evalShare }: TrainingConfig, heldOut: readonly RecipeDataset[]): string[] {
  if (heldOut.length > 0)
    return ['', '### eval', ...lines({ eval_dataset: namesOf(heldOut), eval_strategy: 'epoch' })];
  return evalShare > 0 ? ['', '### eval', ...lines({ val_size: evalShare, eval_strategy: 'epoch' })] : [];
}

export function axolotlRecipe(recipe: Recipe): string {
  const { base, lora, modules, training, datasets } = recipe;
  return [
    '# axolotl train axolotl.yaml',
    ...lines({ base_model: base }),
    '',
    ...lines({
      adapter: 'lora',
      lora_model_dir: ADAPTER_FOLDER,
      lora_r: lora.rank,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      lora_target_modules: modules,
      peft_use_rslora: lora.useRslora === true,
      peft_use_dora: lora.useDora === true,
    }),
    '',
    ...axolotlDatasets(recipe),
    '',
    ...lines({
      sequence_len: training.sequenceLength,
      sample_packing: training.packing,
      val_set_size: datasets.some(({ weight }) => weight === 0) ? 0 : training.evalShare,
      output_dir: 'out/axolotl',
    }),
    '',
    ...lines({
      micro_batch_size: training.batchSize,
      ...sharedValues(training),
      num_epochs: training.epochs,
      lr_scheduler: schedulerOf(training),
      optimizer: 'adamw_torch',
      bf16: 'auto',
      logging_steps: 10,
    }),
    '# Several devices: a configuration of `axolotl fetch deepspeed_configs`, or fsdp_config.',
    '# deepspeed: deepspeed_configs/zero3.json',
    '',
  ].join('\n');
}

/** It mixes by size alone: weights are told beside the datasets. */
function axolotlDatasets(recipe: Recipe): string[] {
  const drawn = recipe.datasets.filter(({ weight }) => weight > 0);
  const heldOut = recipe.datasets.filter(({ weight }) => weight === 0);
  const list = (key: string, datasets: readonly RecipeDataset[], more: Record<string, Value>): string[] =>
    datasets.length === 0
      ? []
      : [
          `${key}:`,
          ...datasets.flatMap((dataset) => axolotlDataset(dataset, recipe, more, drawn.length > 1)),
        ];
  return [...list('datasets', drawn, {}), ...list('test_datasets', heldOut, { split: 'train' })];
}

function axolotlDataset(
  { file, samples, weight }: RecipeDataset,
  recipe: Recipe,
  more: Record<string, Value>,
  isMix: boolean,
): string[] {
  const share = isMix && weight > 0 ? [`    # ${(weight * 100).toFixed(1)} % of what was drawn.`] : [];
  const reading = samples === 'turns' ? axolotlTurns(recipe) : { type: 'completion', field: 'text' };
  return [
    `  - path: ${JSON.stringify(`${DATA_FOLDER}/${file}`)}`,
    ...share,
    ...lines({ ds_type: 'json', ...more, ...reading }, '    '),
  ];
}

function axolotlTurns({ training, hasChatTemplate }: Recipe) {
  return {
    type: 'chat_template',
    chat_template: hasChatTemplate ? 'tokenizer_default' : 'chatml',
    field_messages: 'messages',
    roles_to_train: training.trainOn === 'all' ? ['system', 'user', 'assistant'] : ['assistant'],
    train_on_eos: 'turn',
  };
}
