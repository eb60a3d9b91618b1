// ONNX directories come back through our own import and are run as graphs: the same tokens as the weights they were made of.
import { beforeAll, describe, expect, it } from 'vitest';
import { exportFiles, openExportSource } from '../../src/models/export';
import { onnxDirectory } from '../../src/models/export/onnx-directory';
import { ANSWER_TOKENS } from '../support/case-choice';
import { collectBlobs } from '../support/collect-blob';
import { importOnnx, onnxAnswer } from '../support/onnx-models';
import { transformersAnswer } from '../support/run-transformers';
import { loraOn, TINY_FAMILIES } from '../support/tiny-families';
import { clearModel, idsOf, selectCpu, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';

describe.each(TINY_FAMILIES)('ONNX comes back: $name', ({ configJson, targets }) => {
  let clear: ClearModel;
  let files: ReadonlyMap<string, Blob>;
  const sourceOf = () => openExportSource(clear.model, clear.model.record, clear.adapter);
  beforeAll(async () => {
    await selectCpu();
    clear = await clearModel(configJson, loraOn(targets), idsOf(PROMPT), ANSWER_TOKENS);
    files = await collectBlobs(exportFiles(await sourceOf(), 'onnx', 'tiny'));
  });

  it('f32: the same tokens as base and adapter on our engine', async () => {
    const record = await importOnnx(clear.model, files, ['model.onnx']);
    expect(record).toMatchObject({ format: 'onnx', family: 'graph', task: 'chat', dtype: 'F32' });
    expect(record.contextLength).toBe(clear.model.record.contextLength);
    const { ids } = await onnxAnswer(clear.model, record, idsOf(PROMPT), ANSWER_TOKENS);
    expect(ids).toEqual(clear.answer.ids);
  });

  it('f32: with the weights in a file of their own', async () => {
    const outside = await collectBlobs(onnxDirectory(await sourceOf(), 0));
    const record = await importOnnx(clear.model, outside, ['model.onnx', 'model.onnx_data']);
    const { ids } = await onnxAnswer(clear.model, record, idsOf(PROMPT), ANSWER_TOKENS);
    expect(ids).toEqual(clear.answer.ids);
  });

  it('q4: the tokens that transformers.js gives for the same files', async () => {
    const record = await importOnnx(clear.model, files, ['model_q4.onnx']);
    expect(record.dtype).toBe('INT4');
    const theirs = await transformersAnswer(files, 'q4', idsOf(PROMPT), ANSWER_TOKENS);
    const { ids, leastMargin } = await onnxAnswer(clear.model, record, idsOf(PROMPT), ANSWER_TOKENS);
    // Where two logits are as good as equal, two builds of the runtime may choose differently.
    if (leastMargin > 1e-3) expect(ids).toEqual(theirs.ids);
    else expect(ids.slice(0, 4)).toEqual(theirs.ids.slice(0, 4));
  });
});
