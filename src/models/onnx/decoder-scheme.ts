// What an ONNX decoder takes and gives, understood from the graph itself: by types and shapes first, by names where several
// inputs are alike. Its architecture does not matter. Pure.
import { AppError } from '../../lib/errors';
import type { OnnxDescription, OnnxElement, OnnxValueInfo } from '../../lib/formats/onnx-description';
import { isCacheInput, pairCaches, type CachePair } from './cache-pairs';

/** An input of one number for each token, or of one in all. */
export interface PlainInput {
  name: string;
  type: OnnxElement;
  rank: number;
}

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

const WHOLE: readonly (OnnxElement | null)[] = ['int64', 'int32'];
const isWhole = ({ type }: OnnxValueInfo): boolean => WHOLE.includes(type);
const rankOf = ({ shape }: OnnxValueInfo): number => shape?.length ?? -1;
const isSingle = ({ shape }: OnnxValueInfo): boolean =>
  shape !== null && (shape.length === 0 || (shape.length === 1 && shape[0] === 1));

/** Takes inputs out of those that are not understood yet. */
class Inputs {
  left: OnnxValueInfo[];

  constructor(inputs: readonly OnnxValueInfo[]) {
    this.left = [...inputs];
  }

  take(is: (input: OnnxValueInfo) => boolean): PlainInput | null {
    const found = this.left.find(is);
    if (found === undefined || found.type === null) return null;
    this.left = this.left.filter((input) => input !== found);
    return { name: found.name, type: found.type, rank: rankOf(found) };
  }

  takeAll(is: (input: OnnxValueInfo) => boolean): OnnxValueInfo[] {
    const found = this.left.filter(is);
    this.left = this.left.filter((input) => !is(input));
    return found;
  }
}

/** True where a cache or logits say that the graph writes text on. */
export function isDecoder({ outputs }: Pick<OnnxDescription, 'outputs'>): boolean {
  return outputs.some(({ name }) => /logits|scores/i.test(name));
}

/** @throws AppError `model.unsupported` naming what is not understood, with all inputs and outputs. */
export function decoderScheme(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): DecoderScheme {
  const inputs = new Inputs(graph.inputs);
  refuseEncoder(graph);
  const named = (pattern: RegExp) => (input: OnnxValueInfo) => pattern.test(input.name);
  const perToken =
    (pattern: RegExp, ...ranks: number[]) =>
    (input: OnnxValueInfo) =>
      ranks.includes(rankOf(input)) && pattern.test(input.name);

  const mask = inputs.take((input) => perToken(/mask/i, 2)(input) && isMaskType(input));
  const segments = inputs.take((input) => isWhole(input) && perToken(/token_?type|segment/i, 2)(input));
  const positions = inputs.take((input) => isWhole(input) && perToken(/pos/i, 1, 2)(input));
  const logitsToKeep = inputs.take((input) => isWhole(input) && isSingle(input) && named(/logits/i)(input));
  const useCache = inputs.take((input) => input.type === 'bool' && isSingle(input));
  const tokens =
    inputs.take((input) => isWhole(input) && perToken(/input_?ids|tokens?(_ids)?$|^ids$/i, 2)(input)) ??
    inputs.take((input) => isWhole(input) && rankOf(input) === 2);
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

const isMaskType = ({ type }: OnnxValueInfo): boolean =>
  type === 'int64' || type === 'int32' || type === 'float32' || type === 'bool';

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

function describe({ name, type, shape }: OnnxValueInfo): string {
  const sizes = shape === null ? '' : ` [${shape.map((size) => size ?? '?').join(', ')}]`;
  return `${name} ${type ?? '?'}${sizes}`;
}

const MAX_LISTED = 24;

export function notUnderstood(
  { inputs, outputs }: Pick<OnnxDescription, 'inputs' | 'outputs'>,
  fact: string,
): AppError<'model.unsupported'> {
  const listed = inputs.slice(0, MAX_LISTED).map(describe);
  const more = inputs.length - listed.length;
  const list = more > 0 ? [...listed, `and ${more} more`] : listed;
  return new AppError(
    'model.unsupported',
    `The ONNX graph cannot be run: ${fact}. Its inputs: ${list.join('; ')}.`,
    {
      details: { inputs: inputs.map(describe), outputs: outputs.map(describe) },
      remedy:
        'Choose an export of a decoder with past and present keys and values, as text-generation has it.',
    },
  );
}
