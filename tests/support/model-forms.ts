// A model of a few thousand random weights in each form that an import takes: one safetensors file, several with an index,
// GGUF. The same weights in all of them.
import { ggufTokenizerOf } from '../../src/lib/formats/gguf/tokenizer-to-gguf';
import { collectGguf, writeGguf, type GgufTensor } from '../../src/lib/formats/gguf/gguf-writer';
import type { GgufValue } from '../../src/lib/formats/gguf/gguf-types';
import { onnxFiles, type OnnxModel } from '../../src/lib/formats/onnx';
import { writeSafetensors } from '../../src/lib/formats/safetensors';
import { byteTokenizerSource, CHATML } from '../../src/lib/text/testing/byte-tokenizer';
import { LLAMA_FORM } from '../../src/models/decoder/gguf/gguf-form';
import { ggufMetadataOf } from '../../src/models/decoder/gguf/gguf-config';
import { ggufTensorsOf } from '../../src/models/decoder/gguf/gguf-weights';
import { decoderOnnx } from '../../src/models/decoder/onnx/decoder-graph';
import { randomWeights } from '../../src/models/decoder/random-weights';
import { createModelFamilies } from '../../src/models/families';
import { parseLlamaConfig } from '../../src/models/families/llama';
import type { FileArray } from '../../src/models/file-layout';
import type { NamedFile } from '../../src/protocol/models';
import { collectBlob } from './collect-blob';

export const MODEL_JSON = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 272,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 24,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  // <|endoftext|> of the tokenizer.
  eos_token_id: 263,
};

export const jsonFile = (name: string, value: unknown): NamedFile => ({
  name,
  blob: new Blob([typeof value === 'string' ? value : JSON.stringify(value)]),
});

export const modelWeights = (): Map<string, FileArray> => randomWeights(parseLlamaConfig(MODEL_JSON), 1);

const tokenizer = byteTokenizerSource({ chat_template: CHATML });

/** config.json and the tokenizer: what stands beside the weights. */
export function besideWeights(): NamedFile[] {
  return [
    jsonFile('config.json', MODEL_JSON),
    jsonFile('tokenizer.json', tokenizer.tokenizerJson),
    jsonFile('tokenizer_config.json', tokenizer.tokenizerConfigJson),
  ];
}

export function asSafetensors(weights = modelWeights()): NamedFile[] {
  return [...besideWeights(), { name: 'model.safetensors', blob: writeSafetensors(weights) }];
}

/** A model of that configuration with the same tokenizer, in the form of its family's files. */
export async function asFamily(configJson: Record<string, unknown>): Promise<NamedFile[]> {
  const { plan } = createModelFamilies().plan(configJson);
  const weights = randomWeights(plan.decoder, 1);
  const read = plan.fileReader((name) => Promise.resolve(weights.get(name) as FileArray));
  const arrays = new Map<string, FileArray>();
  for (const name of plan.weightShapes().keys()) arrays.set(name, await read(name));
  const others = besideWeights().filter(({ name }) => name !== 'config.json');
  return [
    jsonFile('config.json', configJson),
    ...others,
    { name: 'model.safetensors', blob: writeSafetensors(arrays) },
  ];
}

/** The arrays dealt out to two files in turn, as an index says. */
export function asShards(): NamedFile[] {
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const shards = names.map(() => new Map<string, FileArray>());
  const fileOf: Record<string, string> = {};
  [...modelWeights()].forEach(([name, array], index) => {
    shards[index % 2]?.set(name, array);
    fileOf[name] = names[index % 2] ?? '';
  });
  const index = { metadata: { total_size: 0 }, weight_map: fileOf };
  return [
    ...besideWeights(),
    jsonFile('model.safetensors.index.json', index),
    ...shards.map((shard, i) => ({ name: names[i] ?? '', blob: writeSafetensors(shard) })),
  ];
}

/** @param change of the metadata before it is written. */
export async function ggufBlob(
  change: (metadata: Map<string, GgufValue>) => void = () => undefined,
): Promise<Blob> {
  const { metadata, tensors } = ggufContent();
  change(metadata);
  return collectGguf(writeGguf('tiny.gguf', { metadata, tensors }));
}

function ggufContent(): { metadata: Map<string, GgufValue>; tensors: GgufTensor[] } {
  const config = parseLlamaConfig(MODEL_JSON);
  const weights = modelWeights();
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  const metadata = new Map([
    ...ggufMetadataOf(config, { name: 'tiny', fileType: 'F32' }, LLAMA_FORM),
    ...ggufTokenizerOf(tokenizer, { vocabSize: config.vocabSize }),
  ]);
  return { metadata, tensors: ggufTensorsOf(config, read, 'F32', LLAMA_FORM) };
}

export interface GgufPartChanges {
  /** Of each part before it is written. @param index from 0. */
  metadata?: (metadata: Map<string, GgufValue>, index: number) => void;
  /** Deals the tensors out anew. */
  tensors?: (parts: GgufTensor[][]) => GgufTensor[][];
}

/** As llama.cpp's gguf-split would leave it: the first part has all metadata, the tensors are dealt out in order. */
export async function asGgufParts(count = 3, changes: GgufPartChanges = {}): Promise<NamedFile[]> {
  const { metadata, tensors } = ggufContent();
  const each = Math.ceil(tensors.length / count);
  const dealt = Array.from({ length: count }, (_, i) => tensors.slice(i * each, (i + 1) * each));
  const parts = (changes.tensors?.(dealt) ?? dealt).map(async (own, index) => {
    const numbers = new Map<string, GgufValue>([
      ['split.no', { type: 'uint16', value: index }],
      ['split.count', { type: 'uint16', value: count }],
      ['split.tensors.count', { type: 'int32', value: tensors.length }],
    ]);
    const all = index === 0 ? new Map([...metadata, ...numbers]) : numbers;
    changes.metadata?.(all, index);
    const digits = [index + 1, count].map((number) => String(number).padStart(5, '0'));
    const name = `tiny-${digits.join('-of-')}.gguf`;
    return { name, blob: await collectGguf(writeGguf(name, { metadata: all, tensors: own })) };
  });
  return Promise.all(parts);
}

export async function asGguf(): Promise<NamedFile[]> {
  return [{ name: 'tiny-f32.gguf', blob: await ggufBlob() }];
}

/**
 * @param change of the graph before it is written.
 * @param form weights in a file of their own; `only` the graph where those are not to be written.
 */
export async function asOnnx(
  change: (model: OnnxModel) => OnnxModel = (model) => model,
  form: { external?: boolean; only?: ['graph'] } = {},
): Promise<NamedFile[]> {
  const weights = modelWeights();
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  const model = change(decoderOnnx(parseLlamaConfig(MODEL_JSON), read, { kind: 'portable' }));
  const written = onnxFiles(model, 'model.onnx', form.external ?? false);
  const files: NamedFile[] = [];
  for (const file of form.only === undefined ? written : written.slice(0, 1)) {
    files.push({ name: file.name, blob: await collectBlob(file) });
  }
  return [...besideWeights(), ...files];
}
