// ONNX directories in transformers.js: its files come from memory, its runtime from this site; nothing asks the network.
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  env,
  pipeline,
  Tensor,
  type PreTrainedTokenizer,
} from '@huggingface/transformers';
import ortFactory from '../../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.mjs?url';
import ortWasm from '../../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm?url';

const HOST = 'https://exports.invalid/';

export interface TransformersAnswer {
  /** New tokens. */
  ids: number[];
  tokenizer: PreTrainedTokenizer;
}

function configure(files: ReadonlyMap<string, Blob>): void {
  env.useWasmCache = false;
  env.useBrowserCache = false;
  env.allowLocalModels = false;
  env.remoteHost = HOST;
  env.remotePathTemplate = '{model}/';
  env.fetch = (input) => {
    const { pathname } = new URL(input);
    const blob = files.get(decodeURIComponent(pathname.slice(pathname.indexOf('/', 1) + 1)));
    return Promise.resolve(blob === undefined ? new Response(null, { status: 404 }) : new Response(blob));
  };
  const { wasm } = env.backends.onnx;
  if (wasm === undefined) throw new Error('transformers.js has no wasm backend.');
  wasm.wasmPaths = { mjs: ortFactory, wasm: ortWasm };
  wasm.numThreads = 1;
}

/** Greedy, of exactly so many new tokens. @param files of the directory by their paths. */
export async function transformersAnswer(
  files: ReadonlyMap<string, Blob>,
  dtype: 'fp32' | 'q4',
  prompt: readonly number[],
  tokens: number,
): Promise<TransformersAnswer> {
  configure(files);
  const tokenizer = await AutoTokenizer.from_pretrained('exported');
  const model = await AutoModelForCausalLM.from_pretrained('exported', { dtype, device: 'wasm' });
  try {
    const shape = [1, prompt.length];
    const output: unknown = await model.generate({
      inputs: new Tensor('int64', BigInt64Array.from(prompt, BigInt), shape),
      attention_mask: new Tensor('int64', new BigInt64Array(prompt.length).fill(1n), shape),
      max_new_tokens: tokens,
      min_new_tokens: tokens,
      do_sample: false,
    });
    if (!(output instanceof Tensor)) throw new Error('generate gave no tensor.');
    const [row] = output.tolist() as bigint[][];
    return { ids: (row ?? []).slice(prompt.length).map(Number), tokenizer };
  } finally {
    await model.dispose();
  }
}

/** Sentence embeddings: the mean over tokens, of length 1. @param files of the directory by their paths. */
export async function transformersVectors(
  files: ReadonlyMap<string, Blob>,
  texts: readonly string[],
): Promise<number[][]> {
  configure(files);
  const extract = await pipeline('feature-extraction', 'exported', { dtype: 'fp32', device: 'wasm' });
  try {
    const output = await extract([...texts], { pooling: 'mean', normalize: true });
    return output.tolist() as number[][];
  } finally {
    await extract.dispose();
  }
}
