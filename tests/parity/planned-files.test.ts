// Weights out of files into the planned engine, some rows at a time through memory that is used again: the answers of the
// eager engine, whatever the file.
import { beforeAll, expect, test } from 'vitest';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { createModelFamilies } from '../../src/models';
import { sourceOfFiles } from '../../src/models/reading/model-source';
import { openModel } from '../../src/models/reading/open-model';
import type { NamedFile } from '../../src/protocol/models';
import { asSafetensors, asShards, ggufBlob } from '../support/model-forms';

const forms: [form: string, format: 'safetensors' | 'gguf', files: () => Promise<NamedFile[]>][] = [
  ['one safetensors file', 'safetensors', () => Promise.resolve(asSafetensors())],
  ['shards', 'safetensors', () => Promise.resolve(asShards())],
  ['GGUF', 'gguf', async () => [{ name: 'model.gguf', blob: await ggufBlob() }]],
];

// One device for all: choosing one compiles and proves its kernels.
const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: navigator.gpu });
beforeAll(() => device.select('webgpu'));

test.each(forms)('planned engine: loaded from %s it answers like the eager one', async (_, format, files) => {
  const { plan, read } = await openModel(sourceOfFiles(await files()), createModelFamilies(), format);
  const answers: Float32Array[] = [];
  for (const plans of [null, device.plans]) {
    const runtime = await plan.load(read, plans);
    const session = runtime.createSession(null);
    answers.push(await session.feed([1, 2, 3, 4]));
    session.dispose();
    runtime.dispose();
  }
  const [eager, planned] = answers;
  expect(device.plans).not.toBeNull();
  eager?.forEach((value, i) => expect(planned?.[i]).toBeCloseTo(value, 4));
});
