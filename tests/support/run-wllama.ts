// GGUF files in llama.cpp, as wllama has it: one thread, greedy, keys and values in 32 bits, so that what differs is the file.
import { LoggerWithoutDebug, Wllama } from '@wllama/wllama/esm/index.js';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';

const silent = { ...LoggerWithoutDebug, log: () => undefined, warn: () => undefined };

/**
 * What llama.cpp writes after a prompt, without ending before its time.
 * @param lora a GGUF adapter, applied beside the model.
 */
export async function wllamaText(
  model: Blob,
  lora: Blob | null,
  prompt: string,
  tokens: number,
): Promise<string> {
  const wllama = new Wllama({ default: wasmUrl }, { suppressNativeLog: true, logger: silent });
  // Blobs are mounted as parts of one model; llama.cpp opens the first, and the others by name.
  const adapter = { path: 'models/model-00002-of-00002.gguf', scale: 1 };
  try {
    await wllama.loadModel(lora === null ? [model] : [model, lora], {
      n_threads: 1,
      n_gpu_layers: 0,
      n_ctx: 256,
      n_batch: 64,
      flash_attn: false,
      cache_type_k: 'f32',
      cache_type_v: 'f32',
      warmup: false,
      ...(lora === null ? {} : { lora_adapters: [adapter] }),
    });
    const { choices } = await wllama.createCompletion({
      prompt,
      max_tokens: tokens,
      temperature: 0,
      top_k: 1,
      ignore_eos: true,
      stream: false,
    });
    return choices[0]?.text ?? '';
  } finally {
    await wllama.exit();
  }
}
