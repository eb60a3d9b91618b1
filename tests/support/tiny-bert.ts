// An encoder as small as can be, as an ONNX directory of Sentence Transformers' kind, and the same in 64-bit arithmetic: word,
// position and type embeddings, one block of attention and a feed-forward layer, norms after each.
import { onnxFiles, type OnnxArray, type OnnxModel, type OnnxNode } from '../../src/lib/formats/onnx';
import { hashSeed, Random } from '../../src/lib/random';
import { collectBlob } from './collect-blob';

const WORDS = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'the',
  'cat',
  'dog',
  'sat',
  'ran',
  'on',
  'mat',
  'far',
  '##s',
  '##ted',
];
export const BERT = { hidden: 8, heads: 2, inner: 12, positions: 16, vocab: WORDS.length };
const HEAD = BERT.hidden / BERT.heads;
const EPSILON = 1e-5;

type Weights = ReadonlyMap<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>;

const SHAPES: Record<string, number[]> = {
  words: [BERT.vocab, BERT.hidden],
  places: [BERT.positions, BERT.hidden],
  types: [2, BERT.hidden],
  query: [BERT.hidden, BERT.hidden],
  key: [BERT.hidden, BERT.hidden],
  value: [BERT.hidden, BERT.hidden],
  joined: [BERT.hidden, BERT.hidden],
  up: [BERT.hidden, BERT.inner],
  down: [BERT.inner, BERT.hidden],
  norm0: [BERT.hidden],
  norm1: [BERT.hidden],
  norm2: [BERT.hidden],
  shift: [BERT.hidden],
};

export function bertWeights(seed = 1): Weights {
  return new Map(
    Object.entries(SHAPES).map(([name, shape]) => {
      const random = new Random(hashSeed(seed, name));
      const size = shape.reduce((product, n) => product * n, 1);
      const middle = name.startsWith('norm') ? 1 : 0;
      return [
        name,
        { shape, data: Float32Array.from({ length: size }, () => middle + random.normal() * 0.6) },
      ];
    }),
  );
}

const bytesOf = (values: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

class Graph {
  readonly nodes: OnnxNode[] = [];
  readonly arrays: OnnxArray[] = [];

  add(opType: string, inputs: string[], attributes: OnnxNode['attributes'] = {}, output?: string): string {
    const name = `n${this.nodes.length}`;
    this.nodes.push({ name, opType, domain: '', inputs, outputs: [output ?? name], attributes });
    return output ?? name;
  }

  integers(values: number[], shape = [values.length]): string {
    const name = `i${this.arrays.length}`;
    this.arrays.push({
      name,
      type: 'int64',
      shape,
      chunks: () => [bytesOf(BigInt64Array.from(values, BigInt))],
    });
    return name;
  }

  float(value: number): string {
    const name = `f${this.arrays.length}`;
    this.arrays.push({ name, type: 'float', shape: [], chunks: () => [bytesOf(Float32Array.of(value))] });
    return name;
  }

  norm(input: string, weight: string, output?: string): string {
    return this.add(
      'LayerNormalization',
      [input, weight, 'shift'],
      { axis: { int: -1 }, epsilon: { float: EPSILON } },
      output,
    );
  }
}

/** @param withSegments takes token_type_ids. */
export function bertGraph(weights: Weights, withSegments = true): OnnxModel {
  const g = new Graph();
  for (const [name, { shape, data }] of weights)
    g.arrays.push({ name, type: 'float', shape, chunks: () => [bytesOf(data)] });
  const length = g.add('Gather', [g.add('Shape', ['input_ids']), g.integers([1], [])]);
  const places = g.add('Gather', [
    'places',
    g.add('Range', [g.integers([0], []), length, g.integers([1], [])]),
  ]);
  const types = g.add('Gather', ['types', withSegments ? 'token_type_ids' : g.integers([0], [])]);
  const words = g.add('Add', [g.add('Gather', ['words', 'input_ids']), places]);
  const start = g.norm(g.add('Add', [words, types]), 'norm0');
  const split = g.integers([0, 0, BERT.heads, HEAD]);
  const heads = (weight: string): string =>
    g.add('Transpose', [g.add('Reshape', [g.add('MatMul', [start, weight]), split])], {
      perm: { ints: [0, 2, 1, 3] },
    });
  const [query, key, value] = [heads('query'), heads('key'), heads('value')];
  const keyT = g.add('Transpose', [key], { perm: { ints: [0, 1, 3, 2] } });
  const scores = g.add('Mul', [g.add('MatMul', [query, keyT]), g.float(1 / Math.sqrt(HEAD))]);
  const mask = g.add('Unsqueeze', [
    g.add('Cast', ['attention_mask'], { to: { int: 1 } }),
    g.integers([1, 2]),
  ]);
  const hidden = g.add('Mul', [g.add('Sub', [g.float(1), mask]), g.float(-10_000)]);
  const shares = g.add('Softmax', [g.add('Add', [scores, hidden])], { axis: { int: -1 } });
  const mixed = g.add('Transpose', [g.add('MatMul', [shares, value])], { perm: { ints: [0, 2, 1, 3] } });
  const joined = g.add('MatMul', [g.add('Reshape', [mixed, g.integers([0, 0, BERT.hidden])]), 'joined']);
  const middle = g.norm(g.add('Add', [start, joined]), 'norm1');
  const fed = g.add('MatMul', [g.add('Relu', [g.add('MatMul', [middle, 'up'])]), 'down']);
  g.norm(g.add('Add', [middle, fed]), 'norm2', 'last_hidden_state');
  const perToken = ['batch_size', 'sequence_length'];
  const names = ['input_ids', 'attention_mask', ...(withSegments ? ['token_type_ids'] : [])];
  return {
    producer: 'test',
    graphName: 'bert',
    opsets: new Map([['', 17]]),
    inputs: names.map((name) => ({ name, type: 'int64', shape: perToken })),
    outputs: [{ name: 'last_hidden_state', type: 'float', shape: [...perToken, BERT.hidden] }],
    nodes: g.nodes,
    arrays: g.arrays,
  };
}

/** [tokens][hidden] in 64 bits, of one text without filling up. */
export function bertReference(weights: Weights, ids: readonly number[]): number[][] {
  const row = (name: string, index: number): number[] =>
    [...(weights.get(name)?.data ?? [])].slice(index * BERT.hidden, (index + 1) * BERT.hidden);
  const sum = (...vectors: number[][]): number[] =>
    (vectors[0] ?? []).map((_, i) => vectors.reduce((total, vector) => total + (vector[i] ?? 0), 0));
  const times = (vector: number[], name: string): number[] => {
    const { shape, data } = weights.get(name) ?? { shape: [0, 0], data: new Float32Array() };
    const columns = shape[1] ?? 0;
    return Array.from({ length: columns }, (_, c) =>
      vector.reduce((total, value, r) => total + value * (data[r * columns + c] ?? 0), 0),
    );
  };
  const norm = (vector: number[], name: string): number[] => {
    const mean = vector.reduce((total, value) => total + value, 0) / vector.length;
    const variance = vector.reduce((total, value) => total + (value - mean) ** 2, 0) / vector.length;
    const [scale, shift] = [row(name, 0), row('shift', 0)];
    return vector.map(
      (value, i) => ((value - mean) / Math.sqrt(variance + EPSILON)) * (scale[i] ?? 0) + (shift[i] ?? 0),
    );
  };
  const start = ids.map((id, place) =>
    norm(sum(row('words', id), row('places', place), row('types', 0)), 'norm0'),
  );
  const [query, key, value] = ['query', 'key', 'value'].map((name) =>
    start.map((vector) => times(vector, name)),
  );
  const mixed = ids.map((_, token) =>
    Array.from({ length: BERT.heads }, (_, head) => {
      const part = (vector: number[] | undefined): number[] =>
        (vector ?? []).slice(head * HEAD, (head + 1) * HEAD);
      const scores = (key ?? []).map((other) =>
        Math.exp(
          part(other).reduce((dot, k, i) => dot + k * (part(query?.[token])[i] ?? 0), 0) / Math.sqrt(HEAD),
        ),
      );
      const total = scores.reduce((all, score) => all + score, 0);
      return sum(...(value ?? []).map((other, i) => part(other).map((v) => (v * (scores[i] ?? 0)) / total)));
    }).flat(),
  );
  return start.map((vector, token) => {
    const middle = norm(sum(vector, times(mixed[token] ?? [], 'joined')), 'norm1');
    const up = times(middle, 'up').map((v) => Math.max(0, v));
    return norm(sum(middle, times(up, 'down')), 'norm2');
  });
}

export const bertIds = (words: readonly string[]): number[] =>
  ['[CLS]', ...words, '[SEP]'].map((word) => WORDS.indexOf(word));

const json = (value: unknown): Blob => new Blob([JSON.stringify(value)], { type: 'application/json' });

function tokenizerJson(): unknown {
  const special = (content: string, id: number) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: WORDS.slice(0, 4).map(special),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
}

export interface BertForm {
  pooling?: 'mean' | 'cls' | 'max' | 'lasttoken';
  normalise?: boolean;
  withSegments?: boolean;
}

/** Files by their paths in a repository. */
export async function bertDirectory(weights: Weights, form: BertForm = {}): Promise<Map<string, Blob>> {
  const { pooling, normalise = false, withSegments = true } = form;
  const [graph] = onnxFiles(bertGraph(weights, withSegments), 'model.onnx', false);
  if (graph === undefined) throw new Error('No graph was written.');
  const files = new Map<string, Blob>([
    [
      'config.json',
      json({
        ...{
          architectures: ['BertModel'],
          model_type: 'bert',
          vocab_size: BERT.vocab,
          hidden_size: BERT.hidden,
        },
        ...{ num_hidden_layers: 1, num_attention_heads: BERT.heads, max_position_embeddings: BERT.positions },
      }),
    ],
    ['tokenizer.json', json(tokenizerJson())],
    [
      'tokenizer_config.json',
      json({
        tokenizer_class: 'BertTokenizer',
        ...{ pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]' },
        model_max_length: BERT.positions,
      }),
    ],
    ['onnx/model.onnx', await collectBlob(graph)],
  ]);
  const kinds = ['Transformer', 'Pooling', ...(normalise ? ['Normalize'] : [])];
  const modules = kinds.map((kind, idx) => ({
    idx,
    name: String(idx),
    path: '',
    type: `sentence_transformers.models.${kind}`,
  }));
  files.set('modules.json', json(modules));
  if (pooling !== undefined) {
    const key =
      pooling === 'mean' || pooling === 'max'
        ? `${pooling}_tokens`
        : pooling === 'cls'
          ? 'cls_token'
          : pooling;
    files.set(
      '1_Pooling/config.json',
      json({ [`pooling_mode_${key}`]: true, pooling_mode_mean_tokens: pooling === 'mean' }),
    );
  }
  return files;
}
