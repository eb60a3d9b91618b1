// What a backend's configuration says about its texts, checked once: a strategy is refused where it cannot work. Pure.
import { CAPTION_STRATEGIES, type CaptionStrategy } from '../../core/config/backends';
import { AppError } from '../../lib/errors';
import type { CaptionColumns } from './row-captions';

/** The fields of a backend's configuration that are read here, under their names in it. */
export interface CaptionConfig {
  id: string;
  type?: string | undefined;
  /** null: samples are taken as they lie, nothing is extracted. */
  caption_strategy?: string | null | undefined;
  instance_prompt?: string | readonly string[] | null | undefined;
  prepend_instance_prompt?: boolean | undefined;
  only_instance_prompt?: boolean | undefined;
  disable_multiline_split?: boolean | undefined;
  metadata_backend?: string | undefined;
  parquet?: ColumnConfig | undefined;
  /** Of type huggingface; its `huggingface` block may have them instead. */
  caption_column?: ColumnConfig['caption_column'];
  fallback_caption_column?: ColumnConfig['fallback_caption_column'];
  huggingface?: ColumnConfig | undefined;
  csv_caption_column?: string | undefined;
}

interface ColumnConfig {
  caption_column?: string | readonly string[] | null | undefined;
  fallback_caption_column?: string | null | undefined;
}

export interface CaptionSettings {
  strategy: CaptionStrategy | null;
  /** Where the strategy reads rows. */
  columns: CaptionColumns;
  /** Any of them may be a sample's; none where nothing was set. */
  prompts: readonly string[];
  /** What becomes of the prompts: the only text, in front of each text, or unused. */
  prompting: 'only' | 'prepend' | 'none';
  splitLines: boolean;
}

/** @throws AppError `config.invalid` naming the backend, the value and what is possible. */
export function parseCaptionSettings(config: CaptionConfig): CaptionSettings {
  const strategy = parseStrategy(config);
  const prompts = parsePrompts(config, strategy);
  return {
    strategy,
    columns: columnsFor(config, strategy),
    prompts,
    prompting:
      config.only_instance_prompt === true || strategy === 'instanceprompt'
        ? 'only'
        : config.prepend_instance_prompt === true
          ? 'prepend'
          : 'none',
    splitLines: config.disable_multiline_split !== true,
  };
}

function parseStrategy(config: CaptionConfig): CaptionStrategy | null {
  const { type = 'local', caption_strategy: name = null } = config;
  const strategy = CAPTION_STRATEGIES.find((known) => known === name) ?? null;
  if (name !== null && strategy === null) {
    throw refused(config, `has the unknown caption_strategy "${name}"`, `Use ${listed(CAPTION_STRATEGIES)}.`);
  }
  const misplaced = misplacedReason(strategy, type, config.metadata_backend ?? 'discovery');
  if (misplaced !== null) {
    const fact = `has caption_strategy "${String(name)}" ${misplaced.fact}`;
    throw refused(config, fact, misplaced.remedy);
  }
  return strategy;
}

/** null where the strategy fits the backend. */
function misplacedReason(
  strategy: CaptionStrategy | null,
  type: string,
  metadata: string,
): { fact: string; remedy: string } | null {
  if (type === 'csv' && strategy !== 'csv') {
    return { fact: 'with type csv', remedy: 'A csv backend needs caption_strategy csv.' };
  }
  if (type === 'huggingface' && strategy !== null && !['huggingface', 'instanceprompt'].includes(strategy)) {
    return { fact: 'with type huggingface', remedy: 'Use huggingface or instanceprompt.' };
  }
  if ((strategy === 'csv' || strategy === 'huggingface') && type !== strategy) {
    return { fact: `with type ${type}`, remedy: `It works with type ${strategy} only.` };
  }
  if (strategy === 'parquet' && metadata !== 'parquet') {
    return {
      fact: `with metadata_backend "${metadata}"`,
      remedy: 'Set metadata_backend to parquet and add a parquet block.',
    };
  }
  return null;
}

function parsePrompts(config: CaptionConfig, strategy: CaptionStrategy | null): string[] {
  const given = config.instance_prompt ?? [];
  const prompts = (typeof given === 'string' ? [given] : [...given]).map((prompt) => prompt.trim());
  const used = prompts.filter((prompt) => prompt !== '');
  const key =
    strategy === 'instanceprompt'
      ? 'caption_strategy instanceprompt'
      : config.only_instance_prompt === true
        ? 'only_instance_prompt'
        : config.prepend_instance_prompt === true
          ? 'prepend_instance_prompt'
          : null;
  if (key !== null && used.length === 0) {
    throw refused(config, `has ${key} without an instance_prompt`, 'Add instance_prompt, a text or a list.');
  }
  return used;
}

function columnsFor(config: CaptionConfig, strategy: CaptionStrategy | null): CaptionColumns {
  if (strategy === 'csv') {
    const column = config.csv_caption_column ?? '';
    if (column === '') throw refused(config, 'has no csv_caption_column', 'Name the column with the texts.');
    return { columns: [column], fallback: null };
  }
  if (strategy !== 'parquet' && strategy !== 'huggingface') return { columns: [], fallback: null };
  const block = strategy === 'huggingface' ? { ...config, ...config.huggingface } : config.parquet;
  const columns = typeof block?.caption_column === 'string' ? [block.caption_column] : block?.caption_column;
  const named = [...(columns ?? [])];
  if (strategy === 'parquet' && named.length === 0) {
    throw refused(config, 'has a parquet block without caption_column', 'Name the column with the texts.');
  }
  const fallback = block?.fallback_caption_column ?? null;
  return named.length === 0
    ? { columns: ['caption'], fallback: fallback ?? 'text' }
    : { columns: named, fallback };
}

function refused({ id }: CaptionConfig, fact: string, remedy: string): AppError {
  return new AppError('config.invalid', `Backend "${id}" ${fact}.`, { remedy, details: { id } });
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')}, ${names.at(-1) ?? ''} or null`;
}
