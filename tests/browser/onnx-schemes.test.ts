// ONNX decoders whose inputs are called and shaped as other exporters have it, run as graphs: the same answers. And going back in a
// text leaves what a text from its start would have.
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxFiles } from '../../src/lib/formats/onnx';
import { decoderOnnx } from '../../src/models/decoder/onnx/decoder-graph';
import { openExportSource } from '../../src/models/export';
import type { ModelRecord } from '../../src/protocol/models';
import { ANSWER_TOKENS } from '../support/case-choice';
import { collectBlob } from '../support/collect-blob';
import { graphFiles, importOnnx, onnxAnswer } from '../support/onnx-models';
import { OTHER_SCHEMES, type Rewrite } from '../support/other-schemes';
import { clearModel, greedy, idsOf, selectCpu, TINY_LLAMA, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';

let clear: ClearModel;
beforeAll(async () => {
  await selectCpu();
  clear = await clearModel(TINY_LLAMA, null, idsOf(PROMPT), ANSWER_TOKENS);
});

async function rewritten(rewrite: Rewrite): Promise<ModelRecord> {
  const source = await openExportSource(clear.model, clear.model.record, null);
  const model = rewrite(decoderOnnx(source.plan.decoder, source.base, { kind: 'portable' }));
  const [file] = onnxFiles(model, 'model.onnx', false);
  if (file === undefined) throw new Error('No graph was written.');
  const folder = 'models/tiny';
  const files = new Map([[file.name, await collectBlob(file)]]);
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    files.set(name, (await clear.model.blobs.read(`${folder}/${name}`)) ?? new Blob());
  }
  return importOnnx(clear.model, files);
}

const relative = (found: Float32Array, expected: Float32Array): number => {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  return norm(found.map((value, index) => value - (expected[index] ?? 0))) / norm(expected);
};

describe.each(OTHER_SCHEMES)('ONNX inputs: $name', ({ rewrite, exact }) => {
  let record: ModelRecord;
  beforeAll(async () => {
    record = await rewritten(rewrite);
  });

  it('answers as the weights that it was made of', async () => {
    const { ids } = await onnxAnswer(clear.model, record, idsOf(PROMPT), ANSWER_TOKENS);
    // Halves in the cache round: what is as good as a tie may fall otherwise later on.
    const count = exact ? ANSWER_TOKENS : 16;
    expect(ids.slice(0, count)).toEqual(clear.answer.ids.slice(0, count));
  });

  it('going back and on again: the logits of a text read from its start', async () => {
    const model = await graphFiles(clear.model).load(record);
    const [turning, fresh] = [model.createSession(null), model.createSession(null)];
    const ids = idsOf(PROMPT);
    await turning.feed(ids);
    turning.truncate(10);
    expect(turning.length).toBe(10);
    await turning.feed(ids.slice(3, 6));
    turning.truncate(11);
    const found = await turning.feed([5, 6, 7]);
    const expected = await fresh.feed([...ids.slice(0, 10), ids[3] ?? 0, 5, 6, 7]);
    expect(relative(found, expected)).toBeLessThan(exact ? 1e-5 : 1e-2);
    for (const session of [turning, fresh]) session.truncate(0);
    expect(relative(await turning.feed(ids), await fresh.feed(ids))).toBeLessThan(exact ? 1e-5 : 1e-2);
    turning.dispose();
    fresh.dispose();
    model.dispose();
  });
});

describe('ONNX sessions', () => {
  it('side by side they do not touch each other', async () => {
    const record = await rewritten((model) => model);
    const model = await graphFiles(clear.model).load(record);
    const sessions = [model.createSession(null), model.createSession(null)];
    const answers = await Promise.all(sessions.map((session) => greedy(session, idsOf(PROMPT), 16)));
    for (const { ids } of answers) expect(ids).toEqual(clear.answer.ids.slice(0, 16));
    sessions.forEach((session) => session.dispose());
    await expect(sessions[0]?.feed([1])).rejects.toThrow('closed');
    model.dispose();
  });

  it('a text longer than the context is refused, and the session goes on', async () => {
    const record = await rewritten((model) => model);
    const model = await graphFiles(clear.model).load({ ...record });
    const session = model.createSession(null);
    const tooMany = new Array<number>(model.contextLength + 1).fill(1);
    await expect(session.feed(tooMany)).rejects.toMatchObject({ code: 'inference.too-long' });
    expect((await greedy(session, idsOf(PROMPT), 4)).ids).toEqual(clear.answer.ids.slice(0, 4));
    session.dispose();
    model.dispose();
  });

  it('a cache that is fed to the wrong input is found out when the model is loaded', async () => {
    const swapped: Rewrite = (model) => {
      const other = (name: string): string =>
        name.startsWith('present')
          ? name.replace(/key$|value$/, (kind) => (kind === 'key' ? 'value' : 'key'))
          : name;
      return {
        ...model,
        nodes: model.nodes.map((node) => ({ ...node, outputs: node.outputs.map(other) })),
      };
    };
    const record = await rewritten(swapped);
    await expect(graphFiles(clear.model).load(record)).rejects.toMatchObject({
      code: 'model.unsupported',
      message: expect.stringContaining('with its cache it answers otherwise than without') as string,
    });
  });
});
