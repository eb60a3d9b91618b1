// transformers.js opens the ONNX directory that we export: the same greedy tokens from the same weights.
import { beforeAll, describe, expect, it } from 'vitest';
import { exportFiles, openExportSource } from '../../src/models/export';
import { onnxDirectory } from '../../src/models/export/onnx-directory';
import { ANSWER_TOKENS } from '../support/case-choice';
import { collectBlobs } from '../support/collect-blob';
import { transformersAnswer } from '../support/run-transformers';
import { loraOn, TINY_FAMILIES } from '../support/tiny-families';
import { clearModel, idsOf, selectCpu, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';

describe.each(TINY_FAMILIES)('ONNX in transformers.js: $name', ({ configJson, targets }) => {
  let clear: ClearModel;
  const sourceOf = () => openExportSource(clear.model, clear.model.record, clear.adapter);
  beforeAll(async () => {
    await selectCpu();
    clear = await clearModel(configJson, loraOn(targets), idsOf(PROMPT), ANSWER_TOKENS);
  });

  it('ONNX f32: a merged adapter answers as base and adapter on our engine', async () => {
    const files = await collectBlobs(exportFiles(await sourceOf(), 'onnx', 'tiny'));
    const { ids, tokenizer } = await transformersAnswer(files, 'fp32', idsOf(PROMPT), ANSWER_TOKENS);
    expect(ids).toEqual(clear.answer.ids);
    expect(tokenizer.encode(PROMPT)).toEqual(idsOf(PROMPT));
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(tokenizer.apply_chat_template(messages, { tokenize: false, add_generation_prompt: true })).toBe(
      'user: Hi<|end|>assistant: ',
    );
  });

  it('ONNX f32: with the weights in a file of their own', async () => {
    const files = await collectBlobs(onnxDirectory(await sourceOf(), 0));
    expect([...files.keys()]).toContain('onnx/model.onnx_data');
    const { ids } = await transformersAnswer(files, 'fp32', idsOf(PROMPT), ANSWER_TOKENS);
    expect(ids).toEqual(clear.answer.ids);
  });

  it('ONNX q4: loads and writes', async () => {
    const files = await collectBlobs(exportFiles(await sourceOf(), 'onnx', 'tiny'));
    const { ids } = await transformersAnswer(files, 'q4', idsOf(PROMPT), ANSWER_TOKENS);
    expect(ids).toHaveLength(ANSWER_TOKENS);
    expect(new Set(ids).size).toBeGreaterThan(1);
  });
});
