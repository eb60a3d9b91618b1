// llama.cpp opens what we export: the same greedy tokens from the same weights, merged and with the adapter beside the base.
import { beforeAll, describe, expect, it } from 'vitest';
import { adapterFile, exportFiles, openExportSource, type WeightFormat } from '../../src/models/export';
import { ANSWER_TOKENS, EVERY } from '../support/case-choice';
import { collectBlob } from '../support/collect-blob';
import { wllamaText } from '../support/run-wllama';
import { loraOn, TINY_FAMILIES, type TinyFamily } from '../support/tiny-families';
import {
  clearModel,
  idsOf,
  installTinyModel,
  selectCpu,
  textOf,
  type ClearModel,
} from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';

async function fileOf(
  { model, adapter }: Pick<ClearModel, 'model' | 'adapter'>,
  format: WeightFormat,
): Promise<Blob> {
  const source = await openExportSource(model, model.record, adapter);
  const [file] = exportFiles(source, format, 'tiny');
  if (file === undefined) throw new Error('No file.');
  return collectBlob(file);
}

/** Looked for once a family: several models are tried until one's answer is clear. */
const clears = new Map<string, Promise<ClearModel>>();

function clearOf({ name, configJson, targets }: TinyFamily): Promise<ClearModel> {
  const known = clears.get(name);
  if (known !== undefined) return known;
  const clear = clearModel(configJson, loraOn(targets), idsOf(PROMPT), ANSWER_TOKENS);
  clears.set(name, clear);
  return clear;
}

beforeAll(selectCpu);

describe.each(TINY_FAMILIES)('GGUF in llama.cpp: $name', (family) => {
  it('GGUF F32: a merged adapter answers as base and adapter on our engine', async () => {
    const clear = await clearOf(family);
    const file = await fileOf(clear, 'gguf-f32');
    expect(await wllamaText(file, null, PROMPT, ANSWER_TOKENS)).toBe(textOf(clear.answer.ids));
  });
});

// Rows of q and k lie in another order in Llama's files, not in those of the others; in those of Phi-3 and GPT-2 several
// projections are one tensor.
const ORDERS = EVERY ? ['Llama', 'Qwen3', 'Phi-3', 'GPT-2'] : ['Llama', 'Phi-3'];
describe.each(TINY_FAMILIES.filter(({ name }) => ORDERS.includes(name)))(
  'GGUF LoRA in llama.cpp: $name',
  (family) => {
    it('the adapter beside its base answers as on our engine; the base alone does not', async () => {
      const clear = await clearOf(family);
      const base = await fileOf({ ...clear, adapter: null }, 'gguf-f32');
      const source = await openExportSource(clear.model, clear.model.record, clear.adapter);
      const lora = await collectBlob(adapterFile(source, 'tiny'));
      expect(await wllamaText(base, lora, PROMPT, ANSWER_TOKENS)).toBe(textOf(clear.answer.ids));
      expect(await wllamaText(base, null, PROMPT, ANSWER_TOKENS)).not.toBe(textOf(clear.answer.ids));
    });
  },
);

it('GGUF Q8_0 in llama.cpp: loads and writes', async () => {
  const model = await installTinyModel();
  const file = await fileOf({ model, adapter: null }, 'gguf-q8_0');
  expect(await wllamaText(file, null, PROMPT, ANSWER_TOKENS)).toHaveLength(ANSWER_TOKENS);
});
