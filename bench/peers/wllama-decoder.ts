// The peer to chat against that comes from llama.cpp: wllama on a GGUF file in 32-bit floats that our exporter writes, keys and
// values in 32 bits, no flash attention. Speed is llama.cpp's own count of it, which leaves the way to its worker out.
import { LoggerWithoutDebug, Wllama } from '@wllama/wllama/esm/index.js';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import { writeGguf } from '../../src/lib/formats/gguf/gguf-writer';
import { ggufTokenizerOf } from '../../src/lib/formats/gguf/tokenizer-to-gguf';
import { byteTokenizerSource } from '../../src/lib/text/testing/byte-tokenizer';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { LLAMA_FORM } from '../../src/models/decoder/gguf/gguf-form';
import { ggufMetadataOf } from '../../src/models/decoder/gguf/gguf-config';
import { ggufTensorsOf } from '../../src/models/decoder/gguf/gguf-weights';
import type { WeightReader } from '../../src/models/file-layout';
import type { ChatEngine, ChatSetup } from '../page/fallback';

const FIRST_CHARACTER = 0x21;
const silent = { ...LoggerWithoutDebug, log: () => undefined, warn: () => undefined };

/** In a file of the page's own: half a gigabyte is more than a browser holds as a Blob in memory. */
async function ggufOf(config: DecoderConfig, read: WeightReader): Promise<Blob> {
  const metadata = ggufMetadataOf(config, { name: 'bench', fileType: 'F32' }, LLAMA_FORM);
  const tokenizer = ggufTokenizerOf(byteTokenizerSource(), { vocabSize: config.vocabSize });
  for (const [key, value] of tokenizer) metadata.set(key, value);
  const tensors = ggufTensorsOf(config, read, 'F32', LLAMA_FORM);
  const gguf = writeGguf('bench.gguf', { metadata, tensors });
  const folder = await navigator.storage.getDirectory();
  const file = await folder.getFileHandle(gguf.name, { create: true });
  const writable = await file.createWritable();
  // A part may be a view of an array that is used again for the next one.
  for await (const part of gguf.stream()) await writable.write(part.slice());
  await writable.close();
  return file.getFile();
}

export async function openWllama(
  { config, prompt, threads }: ChatSetup,
  read: WeightReader,
): Promise<ChatEngine> {
  const wllama = new Wllama({ default: wasmUrl }, { suppressNativeLog: true, logger: silent });
  await wllama.loadModel([await ggufOf(config, read)], {
    n_threads: threads,
    n_gpu_layers: 0,
    n_ctx: config.contextLength,
    n_batch: 64,
    flash_attn: false,
    cache_type_k: 'f32',
    cache_type_v: 'f32',
  });
  const text = String.fromCharCode(...prompt.map((id) => id + FIRST_CHARACTER));
  return {
    async write(tokens) {
      const { timings } = await wllama.createCompletion({
        prompt: text,
        max_tokens: tokens,
        temperature: 0,
        top_k: 1,
        ignore_eos: true,
        stream: false,
      });
      if (timings?.predicted_n !== tokens) throw new Error(`wllama wrote ${timings?.predicted_n} tokens.`);
      return { ids: null, tokensPerSecond: timings.predicted_per_second };
    },
    dispose: () => wllama.exit(),
  };
}
