// Which inputs of an ONNX decoder are its cache, which output each of them grows into, and which of their sizes is the number
// of tokens. Names differ from exporter to exporter (`past_key_values.0.key`, `past_key_0`, `past_0` of both kinds, `cache_k_0`);
// what they have in common is a number of the layer and a kind. Where names tell nothing the order does. Pure.
import type { OnnxElement, OnnxSize, OnnxValueInfo } from '../../lib/formats/onnx-description';

export type CacheElement = Extract<OnnxElement, 'float32' | 'float16'>;

/** Keys or values, or both, of a layer or of all. */
export interface CachePair {
  past: string;
  present: string;
  type: CacheElement;
  /** For one sequence; 0 where the number of tokens stands. */
  shape: number[];
  /** Which of the sizes that is. */
  axis: number;
}

type Unread = { input: string; fact: string };

export type CachePairs = { pairs: CachePair[] } | Unread;

const LEAST_RANK = 3;
const TOKENS = /past|seq|len|cache|time|token|position|history/i;
const BATCH = /batch/i;

export const isCacheInput = ({ type, shape }: OnnxValueInfo): boolean =>
  (type === 'float32' || type === 'float16') && shape !== null && shape.length >= LEAST_RANK;

/**
 * @param inputs those that `isCacheInput` is true for, in the graph's order.
 * @param outputs those that are not the logits.
 * @param batch the name that the graph gives to the number of sequences, if any.
 */
export function pairCaches(
  inputs: readonly OnnxValueInfo[],
  outputs: readonly OnnxValueInfo[],
  batch: string | null,
): CachePairs {
  const pairs: CachePair[] = [];
  const partners = byName(inputs, outputs) ?? byOrder(inputs, outputs);
  for (const [index, input] of inputs.entries()) {
    const output = partners?.[index];
    if (output === undefined) {
      return { input: input.name, fact: 'no output of the graph goes on where it ends' };
    }
    const pair = pairOf(input, output, batch);
    if ('fact' in pair) return pair;
    pairs.push(pair);
  }
  return { pairs };
}

/** What of a name tells layer and kind: `past_key_values.3.decoder.key` and `present.3.decoder.key` are both `decoder key 3`. */
export function signatureOf(name: string): string {
  const words = name
    .replace(/(?:past_)?key_?values?/gi, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+|(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])/)
    .filter((word) => word !== '');
  const numbers = words.filter((word) => /^\d+$/.test(word)).map(Number);
  const kinds = words.flatMap((word) => {
    if (/^(k|keys?)$/.test(word)) return ['key'];
    if (/^(v|vals?|values?)$/.test(word)) return ['value'];
    return /^(encoder|cross|conv|ssm|recurrent|state)$/.test(word) ? [word] : [];
  });
  return [...kinds, ...numbers].join(' ');
}

function byName(inputs: readonly OnnxValueInfo[], outputs: readonly OnnxValueInfo[]): OnnxValueInfo[] | null {
  const found = new Map<string, OnnxValueInfo>();
  for (const output of outputs.filter(isCacheInput)) {
    const signature = signatureOf(output.name);
    if (found.has(signature)) return null;
    found.set(signature, output);
  }
  const signatures = inputs.map(({ name }) => signatureOf(name));
  if (new Set(signatures).size < signatures.length) return null;
  const partners = signatures.flatMap((signature) => found.get(signature) ?? []);
  return partners.length === inputs.length ? partners : null;
}

/** As many as there are inputs, alike one by one. Loading tries whether that was right. */
function byOrder(
  inputs: readonly OnnxValueInfo[],
  outputs: readonly OnnxValueInfo[],
): OnnxValueInfo[] | null {
  const found = outputs.filter(isCacheInput);
  const alike = inputs.every((input, index) => {
    const output = found[index];
    return output?.type === input.type && output.shape?.length === input.shape?.length;
  });
  return alike && found.length === inputs.length ? found : null;
}

function pairOf(input: OnnxValueInfo, output: OnnxValueInfo, batch: string | null): CachePair | Unread {
  const { name, type, shape } = input;
  if ((type !== 'float32' && type !== 'float16') || shape === null) {
    return { input: name, fact: 'it is no array of 32-bit or 16-bit floats' };
  }
  if (output.type !== null && output.type !== type) {
    return { input: name, fact: `${output.name}, which it grows into, is of ${output.type}` };
  }
  const open = shape.flatMap((size, index) => (typeof size === 'number' ? [] : [index]));
  const growing = open.filter((index) => {
    const size = shape[index] ?? null;
    return size === null || (size !== batch && !BATCH.test(String(size)));
  });
  if (growing.length === 0) return { input: name, fact: 'none of its sizes grows with the text' };
  const axis = axisOf(growing, shape, output.shape);
  if (axis === null) return { input: name, fact: 'which of its sizes is the number of tokens is not told' };
  // One that is left is the number of sequences; of further ones nobody says how large they are.
  if (open.length > 2) return { input: name, fact: 'its sizes are not told' };
  const sizes = shape.map((size, index) => (index === axis ? 0 : typeof size === 'number' ? size : 1));
  return { past: name, present: output.name, type, shape: sizes, axis };
}

/** Which of the sizes that are not told is the number of tokens; null where that is a guess. */
function axisOf(
  growing: readonly number[],
  shape: readonly OnnxSize[],
  present: readonly OnnxSize[] | null,
): number | null {
  const nameOf = (index: number): string | null => {
    const size = shape[index];
    return typeof size === 'string' ? size : null;
  };
  const narrowed: ((index: number) => boolean)[] = [
    // The number of sequences is the same before and after, by name.
    (index) => nameOf(index) === null || present?.[index] !== nameOf(index),
    (index) => TOKENS.test(nameOf(index) ?? ''),
  ];
  let left = [...growing];
  for (const keeps of narrowed) {
    const [only, second] = left;
    if (second === undefined) return only ?? null;
    const kept = left.filter(keeps);
    if (kept.length > 0) left = kept;
  }
  const [first, second, third] = left;
  if (second === undefined) return first ?? null;
  // Without names: sequences come before tokens.
  return third === undefined && left.every((index) => nameOf(index) === null) ? second : null;
}
