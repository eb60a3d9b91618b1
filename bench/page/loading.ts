// Loading a model's weights from the origin private file system into the planned engine, as the app does it, beside reading
// the same bytes and doing nothing with them.
import type { EngineDevice } from '../../src/engine';
import { elements, WeightLayout, WeightStore } from '../../src/engine/planned';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { createModelFamilies } from '../../src/models';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import { pieces } from '../../src/models/decoder/planned/load-base';
import { PIECE_BYTES } from '../../src/models/decoder/planned/load-stored';
import { QueuePace } from '../../src/models/decoder/planned/queue-pace';
import { baseGroups } from '../../src/models/decoder/planned/weight-groups';
import { openModel } from '../../src/models/reading/open-model';
import { sourceOfFiles } from '../../src/models/reading/model-source';
import { CONFIG, GGUF_WEIGHTS, WEIGHTS } from '../../src/models/reading/weight-files';
import type { LoadForm } from '../cases';
import { randomModelFile } from './random-model-file';

/** What one read of the raw bytes takes at a time: other ways than the loader's count too, where they are faster. */
const RAW_PIECE_BYTES = [4 << 20, PIECE_BYTES];

/** config.json of a decoder of the Llama family. */
function configJson(config: DecoderConfig): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.contextLength,
    rope_theta: config.ropeTheta,
    rms_norm_eps: config.normEpsilon,
    tie_word_embeddings: config.tiedHead,
  };
}

const nameOf = (form: LoadForm): string => (form === 'gguf Q4_K' ? GGUF_WEIGHTS : WEIGHTS);

async function readSlices(file: Blob, pieceBytes: number): Promise<void> {
  for (let begin = 0; begin < file.size; begin += pieceBytes) {
    const bytes = await file.slice(begin, begin + pieceBytes).arrayBuffer();
    bytes.transfer(0);
  }
}

async function readStream(file: Blob): Promise<void> {
  const reader = file.stream().getReader();
  while (!(await reader.read()).done);
}

export function loadingBench(device: EngineDevice) {
  const stored = async (): Promise<OpfsBlobStore> => OpfsBlobStore.open('bench-load');
  const fileOf = async (form: LoadForm): Promise<Blob> => {
    const file = await (await stored()).read(nameOf(form));
    if (file === null) throw new Error(`${form} was not written.`);
    return file;
  };
  const open = async (form: LoadForm, config: DecoderConfig) => {
    const source = sourceOfFiles([
      { name: CONFIG, blob: new Blob([JSON.stringify(configJson(config))]) },
      { name: nameOf(form), blob: await fileOf(form) },
    ]);
    return openModel(source, createModelFamilies(), form === 'gguf Q4_K' ? 'gguf' : 'safetensors');
  };
  return {
    /** @returns bytes. */
    async writeModelFile(form: LoadForm, config: DecoderConfig): Promise<number> {
      await (await stored()).write(nameOf(form), randomModelFile(form, config));
      return (await fileOf(form)).size;
    },

    async removeModelFile(form: LoadForm): Promise<void> {
      await (await stored()).remove(nameOf(form));
    },

    /** @returns milliseconds of the fastest of the ways that a browser has. */
    async readRaw(form: LoadForm): Promise<number> {
      const file = await fileOf(form);
      const took: number[] = [];
      const ways = RAW_PIECE_BYTES.map((bytes) => (file: Blob) => readSlices(file, bytes));
      for (const read of [...ways, readStream]) {
        const started = performance.now();
        await read(file);
        took.push(performance.now() - started);
      }
      return Math.min(...took);
    },

    /** From the closed file to floats that nobody takes. @returns milliseconds. */
    async decodeModelFile(form: LoadForm, config: DecoderConfig): Promise<number> {
      const started = performance.now();
      const { plan, read } = await open(form, config);
      for (const [name, shape] of weightShapes(plan.decoder)) {
        for (const rows of pieces(shape)) await read(name, rows);
      }
      return performance.now() - started;
    },

    /** What the device takes for as many weights that nobody reads or works out. @returns milliseconds. */
    async fillDevice(config: DecoderConfig): Promise<number> {
      const { plans } = device;
      if (plans === null) throw new Error('The planned engine runs on WebGPU only.');
      const started = performance.now();
      const layout = new WeightLayout(baseGroups(config, 'f32'), plans.slabBytes, false);
      const store = WeightStore.open(layout, plans.memory, 'weights of a benchmark');
      const pace = new QueuePace(plans.device.queue);
      const zeros = new Float32Array(2 ** 20);
      for (const [name, shape] of weightShapes(config)) {
        store.prepare(name);
        await store.prepared(name);
        const size = elements(shape);
        for (let start = 0; start < size; start += zeros.length) {
          const part = zeros.subarray(0, Math.min(zeros.length, size - start));
          store.write(name, part, start);
          await pace.wrote(part.byteLength);
        }
      }
      await plans.device.queue.onSubmittedWorkDone();
      const milliseconds = performance.now() - started;
      store.dispose();
      return milliseconds;
    },

    /** From the closed file to weights on the device. @returns milliseconds. */
    async loadModelFile(form: LoadForm, config: DecoderConfig): Promise<number> {
      const { plans } = device;
      if (plans === null) throw new Error('The planned engine runs on WebGPU only.');
      const started = performance.now();
      const { plan, read } = await open(form, config);
      const runtime = await plan.load(read, plans, 'f32');
      await plans.device.queue.onSubmittedWorkDone();
      const milliseconds = performance.now() - started;
      runtime.dispose();
      return milliseconds;
    },
  };
}
