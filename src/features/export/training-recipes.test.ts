import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { trainingDefaults } from '../../core/config/training-config';
import { axolotlRecipe, llamaFactoryDatasets, llamaFactoryRecipe, type Recipe } from './training-recipes';

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
  samples: 'turns',
  hasChatTemplate: true,
};
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
    expect(JSON.parse(llamaFactoryDatasets('turns'))).toMatchObject({
      fragua: { file_name: 'dataset.jsonl', formatting: 'sharegpt', columns: { messages: 'messages' } },
    });
  });

  it('LLaMA-Factory: plain text is pre-training', () => {
    const text = llamaFactoryRecipe({ ...recipe, samples: 'text' });
    expect(read(text)).toMatchObject({ stage: 'pt' });
    expect(text).not.toContain('train_on_prompt');
    expect(JSON.parse(llamaFactoryDatasets('text'))).toEqual({
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
    expect(read(axolotlRecipe({ ...recipe, samples: 'text' }))).toMatchObject({
      datasets: [{ type: 'completion', field: 'text' }],
    });
    expect(read(axolotlRecipe({ ...recipe, hasChatTemplate: false }))).toMatchObject({
      datasets: [{ chat_template: 'chatml' }],
    });
  });
});
