import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { trainingDefaults } from '../../core/config/training-config';
import {
  axolotlRecipe,
  llamaFactoryDatasets,
  llamaFactoryRecipe,
  SOLE_DATASET,
  type Recipe,
  type RecipeDataset,
} from './training-recipes';

const recipe: Recipe = {
  base: 'owner/model',
  lora: { rank: 8, alpha: 16, dropout: 0.05, targets: ['q', 'v'], useRslora: true },
  modules: ['q_proj', 'v_proj'],
  training: {
    ...trainingDefaults,
    name: 'run',
    modelId: 'm',
    datasetId: 'd',
    startFromAdapterId: null,
    learningRate: 1e-7,
    schedule: 'constant',
    warmupRatio: 0.1,
    evalShare: 0,
    maxSteps: 60,
    trainOn: 'assistant',
  },
  datasets: [SOLE_DATASET],
  hasChatTemplate: true,
};
const TEXTS: RecipeDataset[] = [{ ...SOLE_DATASET, samples: 'text' }];
/** As PyYAML, which both trainers use, reads it. */
const read = (text: string): unknown => parse(text, { version: '1.1' });

describe('training recipes', () => {
  it('LLaMA-Factory: a supervised run that goes on from the adapter', () => {
    expect(read(llamaFactoryRecipe(recipe))).toMatchObject({
      model_name_or_path: 'owner/model',
      adapter_name_or_path: 'adapter',
      stage: 'sft',
      finetuning_type: 'lora',
      lora_target: 'q_proj,v_proj',
      use_rslora: true,
      use_dora: false,
      dataset: 'fragua',
      train_on_prompt: false,
      learning_rate: 1e-7,
      lr_scheduler_type: 'constant_with_warmup',
      max_steps: 60,
    });
    expect(llamaFactoryRecipe(recipe)).not.toMatch(/^(template|val_size):/m);
    expect(JSON.parse(llamaFactoryDatasets([SOLE_DATASET]))).toMatchObject({
      fragua: { file_name: 'dataset.jsonl', formatting: 'sharegpt', columns: { messages: 'messages' } },
    });
  });

  it('LLaMA-Factory: plain text is pre-training', () => {
    const text = llamaFactoryRecipe({ ...recipe, datasets: TEXTS });
    expect(read(text)).toMatchObject({ stage: 'pt' });
    expect(text).not.toContain('train_on_prompt');
    expect(JSON.parse(llamaFactoryDatasets(TEXTS))).toEqual({
      fragua: { file_name: 'dataset.jsonl', columns: { prompt: 'text' } },
    });
  });

  it('axolotl: answers are learnt, with the tokenizer’s own template', () => {
    expect(read(axolotlRecipe(recipe))).toMatchObject({
      base_model: 'owner/model',
      adapter: 'lora',
      lora_model_dir: 'adapter',
      lora_target_modules: ['q_proj', 'v_proj'],
      peft_use_rslora: true,
      datasets: [
        {
          path: 'data/dataset.jsonl',
          ds_type: 'json',
          type: 'chat_template',
          chat_template: 'tokenizer_default',
          roles_to_train: ['assistant'],
        },
      ],
      learning_rate: 1e-7,
    });
  });

  it('axolotl: plain text, and a model without a template', () => {
    expect(read(axolotlRecipe({ ...recipe, datasets: TEXTS }))).toMatchObject({
      datasets: [{ type: 'completion', field: 'text' }],
    });
    expect(read(axolotlRecipe({ ...recipe, hasChatTemplate: false }))).toMatchObject({
      datasets: [{ chat_template: 'chatml' }],
    });
  });

  const mixed: Recipe = {
    ...recipe,
    datasets: [
      { name: 'a', file: 'a.jsonl', samples: 'turns', weight: 0.5 },
      { name: 'b', file: 'b.jsonl', samples: 'turns', weight: 0.25 },
      { name: 'c', file: 'c.jsonl', samples: 'text', weight: 0.25 },
      { name: 'd', file: 'd.jsonl', samples: 'turns', weight: 0 },
    ],
  };

  it('LLaMA-Factory: a mix is drawn by weight, held out is what was held out, another kind is told', () => {
    const text = llamaFactoryRecipe({ ...mixed, training: { ...recipe.training, evalShare: 0.1 } });
    expect(read(text)).toMatchObject({
      dataset: 'a,b',
      mix_strategy: 'interleave_over',
      interleave_probs: '0.6667,0.3333',
      eval_dataset: 'd',
    });
    expect(text).not.toMatch(/^val_size:/m);
    expect(text).toContain('another kind need a run of their own: c.');
    expect(Object.keys(JSON.parse(llamaFactoryDatasets(mixed.datasets)) as object)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });

  it('axolotl: a mix takes both kinds, and evaluates what was held out', () => {
    const text = axolotlRecipe({ ...mixed, training: { ...recipe.training, evalShare: 0.1 } });
    expect(read(text)).toMatchObject({
      datasets: [
        { path: 'data/a.jsonl', type: 'chat_template' },
        { path: 'data/b.jsonl' },
        { path: 'data/c.jsonl', type: 'completion' },
      ],
      test_datasets: [{ path: 'data/d.jsonl', split: 'train' }],
      val_set_size: 0,
    });
    expect(text).toContain('# 25.0 % of what was drawn.');
  });
});
