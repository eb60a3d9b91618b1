// A random model of any family, installed in memory as a user's import would leave it, and what it answers on our own engine.
// Each of its tokens is a printable character, so that other runtimes, which take text and give text, can be told exact ids.
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { writeSafetensors } from '../../src/lib/formats/safetensors';
import { Random, hashSeed } from '../../src/lib/random';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import { createModelFamilies, ModelFiles } from '../../src/models';
import type { FileArray } from '../../src/models/file-layout';
import type { DecodeSession } from '../../src/models/loaded-model';
import { elementCount, type ModelFamilies, type ModelPlan } from '../../src/models/model-family';
import { encodeAdapter } from '../../src/models/peft';
import type { AdapterRecord, LoraConfig, ModelRecord } from '../../src/protocol/models';

/** Characters 0x20 to 0x7e are tokens 0 to 94; the last one ends an answer. */
const CHARACTERS = 95;
export const END = CHARACTERS;
export const VOCAB_SIZE = CHARACTERS + 1;
const TEMPLATE =
  "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '<|end|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";

/** A config.json of Llama with grouped heads; others give their own. */
export const TINY_LLAMA: Record<string, unknown> = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: VOCAB_SIZE,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  intermediate_size: 96,
  max_position_embeddings: 256,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  hidden_act: 'silu',
  eos_token_id: END,
};

export interface TinyModel {
  blobs: MemoryBlobStore;
  families: ModelFamilies;
  files: ModelFiles;
  plan: ModelPlan;
  record: ModelRecord;
}

export const textOf = (ids: readonly number[]): string =>
  ids.map((id) => (id === END ? '<|end|>' : String.fromCharCode(0x20 + id))).join('');

export const idsOf = (text: string): number[] => [...text].map((character) => character.charCodeAt(0) - 0x20);

function tokenizerJson(): string {
  const tokens = Array.from({ length: CHARACTERS }, (_, id) => (id === 0 ? 'Ġ' : textOf([id])));
  return JSON.stringify({
    version: '1.0',
    added_tokens: [
      {
        id: END,
        content: '<|end|>',
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [] },
  });
}

/** Scales at which every path of a model of this width matters and answers differ from token to token. */
function randomArray(name: string, shape: readonly number[], seed: number): FileArray {
  const random = new Random(hashSeed(seed, name));
  const size = shape.reduce((product, n) => product * n, 1);
  const isVector = shape.length === 1;
  const isNorm = isVector && /(norm|ln_\w+)\.weight$/.test(name);
  // Of a head's the most: far apart, logits are seldom near ties.
  const spread = name === 'lm_head.weight' ? 6 : 1.5;
  const deviation = isVector ? 0.1 : spread / Math.sqrt(shape[1] ?? 1);
  const middle = isNorm ? 1 : 0;
  return {
    shape: [...shape],
    data: Float32Array.from({ length: size }, () => middle + random.normal() * deviation),
  };
}

export async function installTinyModel(
  configJson: Record<string, unknown> = TINY_LLAMA,
  seed = 1,
): Promise<TinyModel> {
  const families = createModelFamilies();
  const { family, plan } = families.plan(configJson);
  const blobs = new MemoryBlobStore();
  const shapes = plan.weightShapes();
  const weights = new Map([...shapes].map(([name, shape]) => [name, randomArray(name, shape, seed)]));
  const folder = 'models/tiny';
  const file = writeSafetensors(weights);
  const tokenizerConfig = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: '<|end|>',
    add_bos_token: false,
    model_max_length: plan.contextLength,
    clean_up_tokenization_spaces: false,
    chat_template: TEMPLATE,
  };
  await blobs.write(`${folder}/model.safetensors`, file);
  await blobs.write(`${folder}/config.json`, new Blob([JSON.stringify(configJson)]));
  await blobs.write(`${folder}/tokenizer.json`, new Blob([tokenizerJson()]));
  await blobs.write(`${folder}/tokenizer_config.json`, new Blob([JSON.stringify(tokenizerConfig)]));
  const record: ModelRecord = {
    id: 'tiny',
    name: 'Tiny',
    family: family.name,
    parameters: elementCount(shapes),
    sizeBytes: file.size,
    dtype: 'F32',
    contextLength: plan.contextLength,
    license: 'mit',
    origin: 'imported',
    fingerprint: 'ab'.repeat(32),
    location: { kind: 'blob', folder },
    installedAt: 0,
  };
  return { blobs, families, files: filesOver(blobs, families), plan, record };
}

export function filesOver(blobs: MemoryBlobStore, families: ModelFamilies): ModelFiles {
  return new ModelFiles({ blobs, families, plans: () => null, memoryLimitBytes: () => null });
}

/** An adapter whose side paths change answers, installed beside its base. */
export async function installTinyAdapter(
  { blobs, plan, record }: TinyModel,
  lora: LoraConfig,
  seed = 2,
): Promise<AdapterRecord> {
  const arrays = new Map(
    [...plan.adapterShapes(lora)].map(([name, shape]) => {
      const array = randomArray(name, shape, seed);
      // Magnitudes are lengths: those of random rows are near the deviation times the root of their size.
      const isLength = name.endsWith('magnitude_vector');
      const data = isLength ? array.data.map((value) => 1.5 + value) : array.data.map((value) => value / 3);
      return [name, { ...array, data }];
    }),
  );
  const folder = 'adapters/tiny';
  for (const { name, blob } of encodeAdapter(arrays, lora, record))
    await blobs.write(`${folder}/${name}`, blob);
  return {
    id: 'adapter',
    name: 'Side',
    baseModelId: record.id,
    baseFingerprint: record.fingerprint,
    lora,
    sizeBytes: 0,
    folder,
    runId: null,
    createdAt: 0,
  };
}

export interface Answer {
  ids: number[];
  /** Between the best logit of a step and the next one, the least of all steps. */
  leastMargin: number;
}

/**
 * The tokens that our engine chooses after the prompt, most likely first.
 * @param isUseless of a token and its margin: ends the answer with it.
 */
export async function greedy(
  session: DecodeSession,
  prompt: readonly number[],
  count: number,
  isUseless: (id: number, margin: number) => boolean = () => false,
): Promise<Answer> {
  const answer: Answer = { ids: [], leastMargin: Infinity };
  let fed = prompt;
  while (answer.ids.length < count) {
    const logits = await session.feed(fed);
    const [first = 0, second = 0] = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0));
    const margin = (logits[first] ?? 0) - (logits[second] ?? 0);
    answer.leastMargin = Math.min(answer.leastMargin, margin);
    answer.ids.push(first);
    if (isUseless(first, margin)) break;
    fed = [first];
  }
  return answer;
}

/** What an installed model answers on our engine. */
export async function ourAnswer(
  { files, record }: Pick<TinyModel, 'files' | 'record'>,
  adapter: AdapterRecord | null,
  prompt: readonly number[],
  count: number,
  isUseless?: (id: number, margin: number) => boolean,
): Promise<Answer> {
  const model = await files.load(record);
  const attached = adapter === null ? null : await model.attachAdapter(adapter);
  const session = model.createSession(attached);
  try {
    return await greedy(session, prompt, count, isUseless);
  } finally {
    session.dispose();
    attached?.dispose();
    model.dispose();
  }
}

export interface ClearModel {
  model: TinyModel;
  adapter: AdapterRecord | null;
  answer: Answer;
}

/** Other runtimes round differently: near ties are no test of a file. The first seed whose answer has none, nor an end. */
export async function clearModel(
  configJson: Record<string, unknown>,
  lora: LoraConfig | null,
  prompt: readonly number[],
  count: number,
  leastMargin = 0.02,
): Promise<ClearModel> {
  for (let seed = 1; seed <= 40; seed += 1) {
    const model = await installTinyModel(configJson, seed);
    const adapter = lora === null ? null : await installTinyAdapter(model, lora, seed);
    const isUseless = (id: number, margin: number) => id === END || margin <= leastMargin;
    const answer = await ourAnswer(model, adapter, prompt, count, isUseless);
    const varied = new Set(answer.ids).size > 4;
    if (answer.leastMargin > leastMargin && varied && !answer.ids.includes(END))
      return { model, adapter, answer };
  }
  throw new Error(`No seed gives an answer without near ties.`);
}

/** Our engine in this realm, in plain arithmetic. */
export async function selectCpu(): Promise<void> {
  await new EngineDevice({ wasmPaths: wasmUrls, gpu: null }).select('cpu');
}
