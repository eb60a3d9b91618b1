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
  /** Conversations, or plain text that is learnt whole. */
  samples: 'turns' | 'text';
  hasChatTemplate: boolean;
}

export const DATASET_FILE = 'data/dataset.jsonl';
export const ADAPTER_FOLDER = 'adapter';
const DATASET_NAME = 'fragua';

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

/** `dataset_info.json`, which tells LLaMA-Factory how the dataset reads. */
export function llamaFactoryDatasets(samples: Recipe['samples']): string {
  const tags = {
    role_tag: 'role',
    content_tag: 'content',
    user_tag: 'user',
    assistant_tag: 'assistant',
    system_tag: 'system',
  };
  const file = { file_name: 'dataset.jsonl' };
  const info =
    samples === 'turns'
      ? { ...file, formatting: 'sharegpt', columns: { messages: 'messages' }, tags }
      : { ...file, columns: { prompt: 'text' } };
  return `${JSON.stringify({ [DATASET_NAME]: info }, null, 2)}\n`;
}

export function llamaFactoryRecipe({ base, lora, modules, training, samples }: Recipe): string {
  const evaluates = training.evalShare > 0;
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
    ...lines({
      dataset: DATASET_NAME,
      dataset_dir: 'data',
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
    ...(evaluates
      ? ['', '### eval', ...lines({ val_size: training.evalShare, eval_strategy: 'epoch' })]
      : []),
    '',
  ].join('\n');
}

export function axolotlRecipe(recipe: Recipe): string {
  const { base, lora, modules, training, samples } = recipe;
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
    'datasets:',
    `  - path: ${DATASET_FILE}`,
    ...lines(
      {
        ds_type: 'json',
        ...(samples === 'turns' ? axolotlTurns(recipe) : { type: 'completion', field: 'text' }),
      },
      '    ',
    ),
    '',
    ...lines({
      sequence_len: training.sequenceLength,
      sample_packing: training.packing,
      val_set_size: training.evalShare,
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

function axolotlTurns({ training, hasChatTemplate }: Recipe) {
  return {
    type: 'chat_template',
    chat_template: hasChatTemplate ? 'tokenizer_default' : 'chatml',
    field_messages: 'messages',
    roles_to_train: training.trainOn === 'all' ? ['system', 'user', 'assistant'] : ['assistant'],
    train_on_eos: 'turn',
  };
}
