// What we export comes back through our own import and answers as before.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  adapterFile,
  exportFiles,
  openExportSource,
  peftAdapter,
  type WeightFormat,
} from '../../src/models/export';
import type { AdapterRecord, LoraConfig, ModelRecord, NamedFile } from '../../src/protocol/models';
import { collectBlob, collectBlobs } from '../support/collect-blob';
import { loraOn, TINY_FAMILIES, type TinyFamily } from '../support/tiny-families';
import { clearModel, idsOf, ourAnswer, selectCpu, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';
const TOKENS = 24;
const LEAST_MARGIN = 1e-3;

/** Stores files as an import does. */
async function imported({ model }: ClearModel, files: ReadonlyMap<string, Blob>): Promise<ModelRecord> {
  const named = [...files].map(([name, blob]): NamedFile => ({ name, blob }));
  const inspection = await model.files.inspectModel(named);
  const folder = 'models/again';
  await model.blobs.remove(folder);
  for (const { name, blob } of inspection.files) await model.blobs.write(`${folder}/${name}`, blob);
  return { ...model.record, ...inspection.facts, id: 'again', location: { kind: 'blob', folder } };
}

async function exported(clear: ClearModel, format: WeightFormat): Promise<ReadonlyMap<string, Blob>> {
  const source = await openExportSource(clear.model, clear.model.record, clear.adapter);
  return collectBlobs(exportFiles(source, format, 'tiny'));
}

/** Our own engine rounds a merged adapter a little otherwise than one beside its base, and nothing else. */
const clearOf = ({ configJson, targets }: TinyFamily): Promise<ClearModel> =>
  clearModel(configJson, loraOn(targets), idsOf(PROMPT), TOKENS, LEAST_MARGIN);

beforeAll(selectCpu);

describe.each(TINY_FAMILIES)('exports come back: $name', (family) => {
  let clear: ClearModel;
  beforeAll(async () => {
    clear = await clearOf(family);
  });

  it.each(['safetensors-f32', 'gguf-f32'] as const)('%s: the same answer', async (format) => {
    const record = await imported(clear, await exported(clear, format));
    const answer = await ourAnswer({ ...clear.model, record }, null, idsOf(PROMPT), TOKENS);
    expect(answer.ids).toEqual(clear.answer.ids);
  });

  it('an export of an import: GGUF comes back as safetensors', async () => {
    const record = await imported(clear, await exported(clear, 'gguf-f32'));
    const source = await openExportSource(clear.model, record, null);
    const again = await imported(clear, await collectBlobs(exportFiles(source, 'safetensors-f32', 'tiny')));
    const answer = await ourAnswer({ ...clear.model, record: again }, null, idsOf(PROMPT), TOKENS);
    expect(answer.ids).toEqual(clear.answer.ids);
  });
});

/** Without the rank-stabilised scale: a GGUF adapter has none, and a run that goes on from it would need its alpha. */
const plainOn = (targets: TinyFamily['targets']) => ({ ...loraOn(targets), useRslora: false });

describe.each(TINY_FAMILIES)('adapters come back: $name', ({ configJson, targets }) => {
  let clear: ClearModel;
  let adapter: AdapterRecord;
  beforeAll(async () => {
    clear = await clearModel(configJson, plainOn(targets), idsOf(PROMPT), TOKENS, LEAST_MARGIN);
    if (clear.adapter === null) throw new Error('No adapter.');
    adapter = clear.adapter;
  });

  /** What answers is what an import stores. */
  async function answerOf(files: readonly NamedFile[]): Promise<{ lora: LoraConfig; ids: number[] }> {
    const { model } = clear;
    const { lora, files: stored } = await model.files.inspectAdapter(files, model.record);
    const folder = 'adapters/again';
    await model.blobs.remove(folder);
    for (const { name, blob } of stored) await model.blobs.write(`${folder}/${name}`, blob);
    const { ids } = await ourAnswer(model, { ...adapter, folder, lora }, idsOf(PROMPT), TOKENS);
    return { lora, ids };
  }

  it('PEFT: in the layout that the family has there, and the same answer', async () => {
    const { files } = await peftAdapter(clear.model, adapter, clear.model.record);
    expect(await answerOf(files)).toEqual({
      lora: { ...adapter.lora, useDora: false },
      ids: clear.answer.ids,
    });
  });

  it('GGUF: the same answer', async () => {
    const source = await openExportSource(clear.model, clear.model.record, adapter);
    const file = adapterFile(source, 'tiny');
    const { lora, ids } = await answerOf([{ name: file.name, blob: await collectBlob(file) }]);
    expect(lora).toEqual({ ...adapter.lora, useDora: false });
    expect(ids).toEqual(clear.answer.ids);
  });
});

describe('exports in fewer bits come back', () => {
  let clear: ClearModel;
  beforeAll(async () => {
    clear = await clearOf(TINY_FAMILIES[0] as TinyFamily);
  });

  it.each(['safetensors-f16', 'safetensors-bf16', 'gguf-q8_0', 'gguf-q4_0', 'gguf-f16'] as const)(
    '%s: loads, with the same tokenizer and template',
    async (format) => {
      const record = await imported(clear, await exported(clear, format));
      const model = await clear.model.files.load(record);
      expect(model.tokenizer.encode(PROMPT)).toEqual(idsOf(PROMPT));
      expect(model.chatTemplate?.render([{ role: 'user', content: 'Hi' }], { generationPrompt: true })).toBe(
        'user: Hi<|end|>assistant: ',
      );
      model.dispose();
    },
  );
});
