// Which captions go with which place and which metadata, and what a prompt is needed for.
import { isStore } from '../dataset-types';
import type { ConfigRule, Report } from './findings';

export const captionRules: ConfigRule = (config, problem, warning) => {
  if (isStore(config)) return;
  strategyOfPlace(config, problem);
  prompts(config, problem);
  if (config['dataset_type'] === 'caption' && config['caption_dropout_probability'] !== undefined) {
    warning(
      'caption_dropout_probability',
      'caption_dropout_probability has no effect on captions without pictures: they are what is learnt.',
      'Remove it.',
    );
  } else if (config['caption_dropout_probability'] === 0) {
    warning(
      'caption_dropout_probability',
      'caption_dropout_probability is 0: nothing is learnt without a caption.',
      'Leave it out for 0.1, unless that is what you want.',
    );
  }
};

function strategyOfPlace(
  { type, caption_strategy: strategy, metadata_backend: metadata }: Readonly<Record<string, unknown>>,
  problem: Report,
) {
  if (strategy === undefined) return;
  const wrong = (message: string, remedy: string) => problem('caption_strategy', message, remedy);
  const written = JSON.stringify(strategy);
  if (type === 'csv' && strategy !== 'csv') {
    wrong(`type csv needs caption_strategy csv: ${written}.`, 'Remove caption_strategy.');
  } else if (type === 'huggingface' && strategy !== 'huggingface' && strategy !== 'instanceprompt') {
    wrong(
      `type huggingface takes caption_strategy huggingface or instanceprompt: ${written}.`,
      'Use one of both.',
    );
  } else if (type !== 'csv' && strategy === 'csv') {
    wrong('caption_strategy csv is only for type csv.', 'Use textfile, filename or instanceprompt.');
  } else if (type !== 'huggingface' && strategy === 'huggingface') {
    wrong(
      'caption_strategy huggingface is only for type huggingface.',
      'Use textfile, filename or instanceprompt.',
    );
  } else if (strategy === 'parquet' && metadata !== 'parquet') {
    wrong(
      'caption_strategy parquet needs metadata_backend parquet.',
      'Set metadata_backend to parquet and add a parquet block.',
    );
  }
}

function prompts(config: Readonly<Record<string, unknown>>, problem: Report) {
  if (config['instance_prompt'] !== undefined) return;
  const remedy = 'Set instance_prompt.';
  if (config['caption_strategy'] === 'instanceprompt') {
    problem('instance_prompt', 'caption_strategy instanceprompt needs an instance_prompt.', remedy);
  }
  for (const key of ['prepend_instance_prompt', 'only_instance_prompt']) {
    if (config[key] === true) problem(key, `${key} needs an instance_prompt.`, remedy);
  }
}
