// What an ONNX decoder takes and gives, understood from the graph itself: by types and shapes first, by names where several
// inputs are alike. Its architecture does not matter. Pure.
import type { OnnxDescription, OnnxValueInfo } from '../../lib/formats/onnx-description';
import { isCacheInput, pairCaches, type CachePair } from './cache-pairs';
import {
  GraphInputs,
  isLogitsToKeep,
  isMask,
  isPositions,
  isSegments,
  isUseCache,
  type PlainInput,
} from './graph-inputs';
import { notUnderstood } from './not-understood';

export interface DecoderScheme {
  kind: 'decoder';
  /** [1, tokens] */
  tokens: PlainInput;
  /** [1, past + tokens], ones. */
  mask: PlainInput | null;
  /** [1, tokens] or [tokens], counted from 0. */
  positions: PlainInput | null;
  /** [1, tokens], zeros. */
  segments: PlainInput | null;
  /** How many of the last tokens have logits: one is enough. */
  logitsToKeep: PlainInput | null;
  /** Exports of two graphs in one: false for the first tokens, true with a cache. */
  useCache: PlainInput | null;
  caches: CachePair[];
  logits: string;
  /** Where the graph says it. */
  vocabSize: number | null;
}

/** True where a cache or logits say that the graph writes text on. */
export function isDecoder({ outputs }: Pick<OnnxDescription, 'outputs'>): boolean {
  return outputs.some(({ name }) => /logits|scores/i.test(name));
}

/** @throws AppError `model.unsupported` naming what is not understood, with all inputs and outputs. */
export function decoderScheme(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): DecoderScheme {
  const inputs = new GraphInputs(graph.inputs);
  refuseEncoder(graph);
  const mask = inputs.take(isMask);
  const segments = inputs.take(isSegments);
  const positions = inputs.take(isPositions);
  const logitsToKeep = inputs.take(isLogitsToKeep);
  const useCache = inputs.take(isUseCache);
  const tokens = inputs.takeTokens();
  if (tokens === null) throw notUnderstood(graph, 'no input takes tokens: whole numbers, [batch, length]');
  const logits = logitsOf(graph);
  const caches = inputs.takeAll(isCacheInput);
  const [unknown] = inputs.left;
  if (unknown !== undefined) throw notUnderstood(graph, `what ${unknown.name} is for is not known`);
  if (caches.length === 0) {
    throw notUnderstood(graph, 'it has no cache, so that each token would read the whole text again');
  }
  const others = graph.outputs.filter(({ name }) => name !== logits.name);
  const batch = batchOf(graph.inputs, tokens.name);
  const paired = pairCaches(caches, others, batch);
  if ('fact' in paired) throw notUnderstood(graph, `${paired.input} is not understood: ${paired.fact}`);
  const vocabSize = logits.shape?.at(-1);
  return {
    kind: 'decoder',
    ...{ tokens, mask, positions, segments, logitsToKeep, useCache },
    caches: paired.pairs,
    logits: logits.name,
    vocabSize: typeof vocabSize === 'number' ? vocabSize : null,
  };
}

function batchOf(inputs: readonly OnnxValueInfo[], tokens: string): string | null {
  const size = inputs.find(({ name }) => name === tokens)?.shape?.[0];
  return typeof size === 'string' ? size : null;
}

function logitsOf(graph: Pick<OnnxDescription, 'outputs' | 'inputs'>): OnnxValueInfo {
  const floats = graph.outputs.filter(({ type }) => type === 'float32' || type === 'float16');
  const found = floats.find(({ name }) => /logits|scores/i.test(name));
  if (found !== undefined) return found;
  throw notUnderstood(graph, 'no output is called logits');
}

function refuseEncoder(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): void {
  const input = graph.inputs.find(({ name }) => /encoder/i.test(name.replace(/decoder/gi, '')));
  if (input === undefined) return;
  throw notUnderstood(graph, `${input.name} comes from an encoder, and only decoders are run`);
}
