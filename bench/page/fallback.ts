// Chats without a GPU: greedy decoding on the CPU, ours and others side by side on the same weights, written for each by our
// own exporters. Ids go in and out; prompts and choices are the same. Owns what it opened.
import { startOrt } from '../../src/engine/ort/start-ort';
import { argmax } from '../../src/inference/sampling';
import { hashSeed, Random } from '../../src/lib/random';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import { OrtRuntime } from '../../src/models/decoder/ort/ort-runtime';
import type { FileArray, WeightReader } from '../../src/models/file-layout';

export type ChatName = 'ours' | 'wllama' | 'transformersjs';

/** What an engine wrote after the prompt, and how fast: the prompt and the first token are not counted. */
export interface Written {
  ids: number[] | null;
  tokensPerSecond: number;
}

export interface ChatEngine {
  write(tokens: number): Promise<Written>;
  dispose(): Promise<void>;
}

/** Printable characters, which others are given as text: tokens of the byte tokenizer by the same numbers. */
const PHRASE = [33, 54, 71, 12, 65, 38, 80, 47];
const promptOf = (tokens: number): number[] =>
  Array.from({ length: tokens }, (_, i) => PHRASE[i % PHRASE.length] ?? 0);

/** What a chat begins with, and how it is computed. */
export interface ChatSetup {
  config: DecoderConfig;
  prompt: readonly number[];
  threads: number;
}

const DEVIATION = 0.02;

/** Random weights, made when they are read and not kept: only the last array is. */
export function drawnWeights(config: DecoderConfig): WeightReader {
  const shapes = weightShapes(config);
  let last: { name: string; array: FileArray } | null = null;
  return (name) => {
    if (last?.name !== name) last = { name, array: drawn(name, shapes.get(name) ?? []) };
    return Promise.resolve(last.array);
  };
}

function drawn(name: string, shape: number[]): FileArray {
  const data = new Float32Array(shape.reduce((size, n) => size * n, 1));
  if (shape.length === 1) return { shape, data: data.fill(1) };
  const random = new Random(hashSeed(1, name));
  const width = DEVIATION * Math.sqrt(12);
  for (let i = 0; i < data.length; i += 1) data[i] = (random.next() - 0.5) * width;
  return { shape, data };
}

async function openOurs({ config, prompt, threads }: ChatSetup, read: WeightReader): Promise<ChatEngine> {
  const engine = await startOrt(threads);
  const loadEager = () => Promise.reject(new Error('Nothing is trained here.'));
  const runtime = new OrtRuntime({ engine, config, read, loadEager });
  const session = runtime.createSession(null);
  return {
    async write(tokens) {
      session.truncate(0);
      const ids = [argmax(await session.feed(prompt))];
      const started = performance.now();
      while (ids.length < tokens) ids.push(argmax(await session.feed(ids.slice(-1))));
      return { ids, tokensPerSecond: (1000 * (tokens - 1)) / (performance.now() - started) };
    },
    dispose() {
      session.dispose();
      runtime.dispose();
      return Promise.resolve();
    },
  };
}

const open = new Map<ChatName, ChatEngine>();

/** @param promptTokens what the chat begins with: a short prompt, or one as long as a conversation. */
async function openChat(
  name: ChatName,
  config: DecoderConfig,
  promptTokens: number,
  threads: number,
): Promise<void> {
  const read = drawnWeights(config);
  const setup = { config, prompt: promptOf(promptTokens), threads };
  if (name === 'ours') open.set(name, await openOurs(setup, read));
  else if (name === 'wllama') {
    const { openWllama } = await import('../peers/wllama-decoder');
    open.set(name, await openWllama(setup, read));
  } else {
    const { openTransformers } = await import('../peers/transformers-decoder');
    open.set(name, await openTransformers(setup, read));
  }
}

/** The functions that the suite calls. */
export const fallbackBench = {
  openChat,
  writeChat: (name: ChatName, tokens: number): Promise<Written> => {
    const engine = open.get(name);
    if (engine === undefined) throw new Error(`${name} is not open.`);
    return engine.write(tokens);
  },
  closeChats: async (): Promise<void> => {
    for (const engine of open.values()) await engine.dispose();
    open.clear();
  },
};
