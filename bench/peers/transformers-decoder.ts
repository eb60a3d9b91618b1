// The peer to chat against that is built on the same runtime: transformers.js on an ONNX directory that our exporter writes, the
// portable graph, in 32-bit floats on the CPU. Its files come from memory. Tokens are counted where its streamer gets them.
import {
  AutoModelForCausalLM,
  BaseStreamer,
  env,
  Tensor,
  type TextStreamer,
} from '@huggingface/transformers';
import ortScript from '../../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.mjs?url';
import ortWasm from '../../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm?url';
import { onnxFiles, type StreamedFile } from '../../src/lib/formats/onnx';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { decoderOnnx } from '../../src/models/decoder/onnx/decoder-graph';
import type { WeightReader } from '../../src/models/file-layout';
import type { ChatEngine, ChatSetup } from '../page/fallback';

const HOST = 'https://bench.invalid/';

/** Made when it is asked for: a copy of all weights would be one too many for some browsers. */
type File = () => Response;

const json =
  (value: unknown): File =>
  () =>
    new Response(JSON.stringify(value));

function streamed(file: StreamedFile): File {
  return () => {
    const parts = file.stream();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        const next = await parts.next();
        if (next.done === true) controller.close();
        // It may be a view of an array that is used again for the next one.
        else controller.enqueue(next.value.slice());
      },
    });
    return new Response(body, { headers: { 'content-length': String(file.byteLength) } });
  };
}

function directoryOf(config: DecoderConfig, read: WeightReader): Map<string, File> {
  const [graph] = onnxFiles(decoderOnnx(config, read, { kind: 'portable' }), 'model.onnx', false);
  if (graph === undefined) throw new Error('The exporter wrote no graph.');
  const configJson = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.contextLength,
  };
  return new Map([
    ['config.json', json(configJson)],
    ['generation_config.json', json({})],
    ['onnx/model.onnx', streamed(graph)],
  ]);
}

function configure(files: ReadonlyMap<string, File>, threads: number): void {
  env.useWasmCache = false;
  env.useBrowserCache = false;
  env.allowLocalModels = false;
  env.remoteHost = HOST;
  env.remotePathTemplate = '{model}/';
  env.fetch = (input) => {
    const { pathname } = new URL(input);
    const file = files.get(decodeURIComponent(pathname.slice(pathname.indexOf('/', 1) + 1)));
    return Promise.resolve(file?.() ?? new Response(null, { status: 404 }));
  };
  const { wasm } = env.backends.onnx;
  if (wasm === undefined) throw new Error('transformers.js has no wasm backend.');
  const here = (path: string): string => new URL(path, location.href).href;
  wasm.wasmPaths = { mjs: here(ortScript), wasm: here(ortWasm) };
  wasm.numThreads = threads;
}

/** When each token came. */
class Clock extends BaseStreamer {
  readonly times: number[] = [];
  override put(): void {
    this.times.push(performance.now());
  }
  override end(): void {
    // Nothing is held back.
  }
}

export async function openTransformers(
  { config, prompt, threads }: ChatSetup,
  read: WeightReader,
): Promise<ChatEngine> {
  configure(directoryOf(config, read), threads);
  const model = await AutoModelForCausalLM.from_pretrained('bench', { dtype: 'fp32', device: 'wasm' });
  const shape = [1, prompt.length];
  return {
    async write(tokens) {
      const clock = new Clock();
      const output: unknown = await model.generate({
        inputs: new Tensor('int64', BigInt64Array.from(prompt, BigInt), shape),
        attention_mask: new Tensor('int64', new BigInt64Array(prompt.length).fill(1n), shape),
        max_new_tokens: tokens,
        min_new_tokens: tokens,
        do_sample: false,
        // Its type asks for a streamer of text, its code for what every streamer has.
        streamer: clock as BaseStreamer as TextStreamer,
      });
      if (!(output instanceof Tensor)) throw new Error('generate gave no tensor.');
      const [row = []] = output.tolist() as bigint[][];
      const times = clock.times.slice(-tokens);
      const [first = 0, last = 0] = [times[0], times.at(-1)];
      return {
        ids: row.slice(prompt.length).map(Number),
        tokensPerSecond: (1000 * (tokens - 1)) / (last - first),
      };
    },
    async dispose() {
      await model.dispose();
    },
  };
}
