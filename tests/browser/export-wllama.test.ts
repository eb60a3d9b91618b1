// llama.cpp opens what we export: the same greedy tokens from the same weights, merged and with the adapter beside the base.
import { beforeAll, describe, expect, it } from 'vitest';
import { adapterFile, exportFiles, openExportSource, type WeightFormat } from '../../src/models/export';
import { collectBlob } from '../support/collect-blob';
import { wllamaText } from '../support/run-wllama';
import { loraOn, TINY_FAMILIES } from '../support/tiny-families';
import { clearModel, idsOf, selectCpu, textOf, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';
const TOKENS = 64;

async function fileOf({ model, adapter }: ClearModel, format: WeightFormat): Promise<Blob> {
  const source = await openExportSource(model, model.record, adapter);
  const [file] = exportFiles(source, format, 'tiny');
  if (file === undefined) throw new Error('No file.');
  return collectBlob(file);
}

describe.each(TINY_FAMILIES)('GGUF in llama.cpp: $name', ({ configJson, targets }) => {
  let clear: ClearModel;
  beforeAll(async () => {
    await selectCpu();
    clear = await clearModel(configJson, loraOn(targets), idsOf(PROMPT), TOKENS);
  });

  it('GGUF F32: a merged adapter answers as base and adapter on our engine', async () => {
    const file = await fileOf(clear, 'gguf-f32');
    expect(await wllamaText(file, null, PROMPT, TOKENS)).toBe(textOf(clear.answer.ids));
  });

  it('GGUF LoRA: the adapter beside its base answers as on our engine', async () => {
    const base = await fileOf({ ...clear, adapter: null }, 'gguf-f32');
    const source = await openExportSource(clear.model, clear.model.record, clear.adapter);
    const lora = await collectBlob(adapterFile(source, 'tiny'));
    const text = await wllamaText(base, lora, PROMPT, TOKENS);
    expect(text).toBe(textOf(clear.answer.ids));
  });

  it('negative control: the base without its adapter answers something else', async () => {
    const base = await fileOf({ ...clear, adapter: null }, 'gguf-f32');
    expect(await wllamaText(base, null, PROMPT, TOKENS)).not.toBe(textOf(clear.answer.ids));
  });

  it('GGUF Q8_0: loads and writes', async () => {
    const text = await wllamaText(await fileOf(clear, 'gguf-q8_0'), null, PROMPT, TOKENS);
    expect(text).toHaveLength(TOKENS);
  });
});
