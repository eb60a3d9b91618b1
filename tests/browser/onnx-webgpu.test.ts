// ONNX decoders on WebGPU: the cache stays on the GPU, going back cuts it there, and what does not work there is run on the CPU with
// the reason told. A device without subgroups: with tiny ones onnxruntime's kernels for prompts compute wrong.
import { beforeAll, describe, expect, it } from 'vitest';
import { exportFiles, openExportSource } from '../../src/models/export';
import { graphWays } from '../../src/models/onnx/graph-ways';
import { ModelFiles } from '../../src/models';
import type { ModelRecord } from '../../src/protocol/models';
import { collectBlobs } from '../support/collect-blob';
import { importOnnx, onnxAnswer, withOnnx } from '../support/onnx-models';
import { clearModel, greedy, idsOf, selectCpu, TINY_LLAMA, type ClearModel } from '../support/tiny-model';

const PROMPT = 'Tell me (again), 42 times?';
const TOKENS = 12;

let clear: ClearModel;
let record: ModelRecord;
let device: GPUDevice;
beforeAll(async () => {
  await selectCpu();
  clear = await clearModel(TINY_LLAMA, null, idsOf(PROMPT), TOKENS);
  const files = await collectBlobs(
    exportFiles(await openExportSource(clear.model, clear.model.record, null), 'onnx', 'tiny'),
  );
  record = await importOnnx(clear.model, files, ['model.onnx']);
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error('There is no adapter.');
  device = await adapter.requestDevice();
});

const onGpu = () => ({ device, threads: 1 });

describe('ONNX on WebGPU', () => {
  it('answers as on the CPU', async () => {
    const { ids } = await onnxAnswer(clear.model, record, idsOf(PROMPT), TOKENS, onGpu());
    expect(ids).toEqual(clear.answer.ids);
  });

  it('going back and on again: the answer of a text read from its start', async () => {
    await withOnnx(
      clear.model,
      record,
      async (model) => {
        expect(model.note ?? null).toBeNull();
        const session = model.createSession(null);
        await session.feed([...idsOf(PROMPT).slice(0, 12), 9, 8, 7, 6]);
        session.truncate(12);
        const { ids } = await greedy(session, idsOf(PROMPT).slice(12), 8);
        expect(ids).toEqual(clear.answer.ids.slice(0, 8));
        session.dispose();
      },
      onGpu(),
    );
  });

  it('a graph that the GPU does not take is run on the CPU, and says why', async () => {
    const [, cpu] = graphWays(onGpu());
    if (cpu === undefined) throw new Error('There is one way only.');
    const broken = {
      ...cpu,
      provider: 'webgpu' as const,
      open: () => Promise.reject(new Error('no kernel')),
    };
    const { blobs, families } = clear.model;
    const parts = { blobs, families, plans: () => null, memoryLimitBytes: () => null };
    const model = await new ModelFiles({ ...parts, graphs: () => [broken, cpu] }).load(record);
    expect(model.note).toContain('no kernel');
    const session = model.createSession(null);
    expect((await greedy(session, idsOf(PROMPT), 8)).ids).toEqual(clear.answer.ids.slice(0, 8));
    session.dispose();
    model.dispose();
  });
});
