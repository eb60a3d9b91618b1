// Files that lie: headers, indexes and configurations that are broken or contradict each other, built byte by byte, each
// with the complaint that it must get.
import type { GgufValue } from '../../src/lib/formats/gguf/gguf-types';
import { rawGguf, rawKey, text, typeNumber, u64 } from '../../src/lib/formats/gguf/testing/raw-gguf';
import { writeSafetensors } from '../../src/lib/formats/safetensors';
import type { NamedFile } from '../../src/protocol/models';
import { HOSTILE_ONNX } from './hostile-onnx';
import { loraGguf, queryMatrices } from './hostile-adapters';
import {
  asGgufParts,
  asSafetensors,
  asShards,
  besideWeights,
  ggufBlob,
  jsonFile,
  MODEL_JSON,
  modelWeights,
} from './model-forms';

export interface HostileModel {
  what: string;
  files: () => NamedFile[] | Promise<NamedFile[]>;
  code: 'model.bad-header' | 'model.truncated' | 'model.unsupported';
  /** Part of the message. */
  fact: string;
}

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const SECOND = 'model-00002-of-00002.safetensors';

function rawSafetensors(header: string, dataBytes = 0, claimed?: bigint): Blob {
  const json = new TextEncoder().encode(header);
  return new Blob([u64(claimed ?? json.length), json, new Uint8Array(dataBytes)]);
}

const withWeights = (blob: Blob): NamedFile[] => [...besideWeights(), { name: WEIGHTS, blob }];

const tensors = (entries: Record<string, [dtype: string, shape: number[], offsets: number[]]>): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(entries).map(([name, [dtype, shape, data_offsets]]) => [
        name,
        { dtype, shape, data_offsets },
      ]),
    ),
  );

const replaced = (files: NamedFile[], name: string, blob: Blob | null): NamedFile[] => [
  ...files.filter((file) => file.name !== name),
  ...(blob === null ? [] : [{ name, blob }]),
];

const whole = (): Blob => asSafetensors().at(-1)?.blob ?? new Blob();

/** @param change of the map from arrays to files. */
async function withIndex(change: (map: Record<string, string>) => void): Promise<NamedFile[]> {
  const files = asShards();
  const text = (await files.find(({ name }) => name === INDEX)?.blob.text()) ?? '{}';
  const { weight_map } = JSON.parse(text) as { weight_map: Record<string, string> };
  change(weight_map);
  return replaced(files, INDEX, jsonFile(INDEX, { weight_map }).blob);
}

function withTokens(change: (document: TokenizerDocument) => void): Promise<NamedFile[]> {
  const files = asSafetensors();
  const name = 'tokenizer.json';
  const blob = files.find((file) => file.name === name)?.blob ?? new Blob();
  return blob.text().then((text) => {
    const document = JSON.parse(text) as TokenizerDocument;
    change(document);
    return replaced(files, name, jsonFile(name, document).blob);
  });
}

interface TokenizerDocument {
  model: { vocab: Record<string, number> };
}

const SAFETENSORS: HostileModel[] = [
  {
    what: 'a header of 2^60 bytes',
    files: () => withWeights(rawSafetensors('{}', 0, 1n << 60n)),
    code: 'model.bad-header',
    fact: 'claims to be 1152921504606846976 bytes',
  },
  {
    what: 'a header longer than the file',
    files: () => withWeights(rawSafetensors('{}', 0, 9999n)),
    code: 'model.truncated',
    fact: 'its header is 9999 bytes long',
  },
  {
    what: 'arrays that overlap',
    files: () =>
      withWeights(rawSafetensors(tensors({ a: ['F32', [2], [0, 8]], b: ['F32', [2], [4, 12]] }), 12)),
    code: 'model.bad-header',
    fact: 'b overlaps',
  },
  {
    what: 'an array beyond the end',
    files: () => withWeights(rawSafetensors(tensors({ a: ['F32', [2 ** 20], [0, 2 ** 22]] }), 64)),
    code: 'model.truncated',
    fact: 'a ends at byte',
  },
  {
    what: 'a type that is not read',
    files: () => withWeights(rawSafetensors(tensors({ a: ['F8_E4M3', [4], [0, 4]] }), 4)),
    code: 'model.unsupported',
    fact: 'a is stored as F8_E4M3',
  },
  {
    what: 'a type that its bytes belie',
    files: () => withWeights(rawSafetensors(tensors({ a: ['F16', [4], [0, 16]] }), 16)),
    code: 'model.bad-header',
    fact: 'need 8',
  },
  {
    what: 'a shape whose product overflows',
    files: () => withWeights(rawSafetensors(tensors({ a: ['F32', [2 ** 40, 2 ** 40], [0, 0]] }))),
    code: 'model.bad-header',
    fact: 'impossible shape',
  },
  {
    what: 'an array that is there twice',
    files: () => {
      const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
      return withWeights(rawSafetensors(`{"a":${entry},"\\u0061":${entry}}`, 4));
    },
    code: 'model.bad-header',
    fact: 'a is there twice',
  },
  {
    what: 'a file that was cut',
    files: () => withWeights(whole().slice(0, whole().size - 100)),
    code: 'model.truncated',
    fact: 'model.safetensors: The safetensors file is cut short',
  },
  {
    what: 'a page in place of the weights',
    files: () => withWeights(new Blob(['<!doctype html><title>Not found</title>'])),
    code: 'model.bad-header',
    fact: 'claims to be',
  },
  {
    what: 'weights of a wider model',
    files: () =>
      replaced(
        asSafetensors(),
        'config.json',
        jsonFile('config.json', { ...MODEL_JSON, intermediate_size: 48 }).blob,
      ),
    code: 'model.unsupported',
    fact: 'mlp.gate_proj.weight is [24, 16], expected [48, 16]',
  },
  {
    what: 'weights with one array missing',
    files: () => {
      const weights = modelWeights();
      weights.delete('model.norm.weight');
      return withWeights(writeSafetensors(weights));
    },
    code: 'model.unsupported',
    fact: 'model.norm.weight is missing',
  },
];

const SHARDS: HostileModel[] = [
  {
    what: 'a shard that is missing',
    files: () => replaced(asShards(), SECOND, null),
    code: 'model.unsupported',
    fact: `${SECOND} is missing, one of the 2 files`,
  },
  {
    what: 'a shard without an array that the index gives it',
    files: () => withIndex((map) => (map['model.norm.weight'] = otherShard(map['model.norm.weight']))),
    code: 'model.bad-header',
    fact: 'does not have model.norm.weight',
  },
  {
    what: 'an index that names an array that is nowhere',
    files: () => withIndex((map) => (map['model.layers.9.mlp.up_proj.weight'] = SECOND)),
    code: 'model.bad-header',
    fact: `${SECOND} does not have model.layers.9.mlp.up_proj.weight`,
  },
  {
    what: 'an index that leaves an array out',
    files: () => withIndex((map) => void delete map['model.norm.weight']),
    code: 'model.unsupported',
    fact: 'model.norm.weight is missing',
  },
  ...[
    '../secrets.safetensors',
    '/etc/model.safetensors',
    'a/../../b.safetensors',
    '.hidden.safetensors',
    'C:\\w.safetensors',
  ].map((path): HostileModel => ({
    what: `an index that names the path ${path}`,
    files: () => withIndex((map) => (map['model.norm.weight'] = path)),
    code: 'model.bad-header',
    fact: 'is not the name of a safetensors file beside it',
  })),
  {
    what: 'an index without a map',
    files: () => replaced(asShards(), INDEX, jsonFile(INDEX, { metadata: {} }).blob),
    code: 'model.bad-header',
    fact: 'weight_map',
  },
  {
    what: 'an index of thousands of files',
    files: () =>
      withIndex((map) => {
        for (let i = 0; i < 2000; i += 1) map[`w${i}`] = `shard-${i}.safetensors`;
      }),
    code: 'model.bad-header',
    fact: 'at most 1024 can be',
  },
  {
    what: 'a shard that was cut',
    files: () => {
      const blob = asShards().find(({ name }) => name === SECOND)?.blob ?? new Blob();
      return replaced(asShards(), SECOND, blob.slice(0, blob.size - 8));
    },
    code: 'model.truncated',
    fact: SECOND,
  },
];

const otherShard = (name: string | undefined): string =>
  name === SECOND ? 'model-00001-of-00002.safetensors' : SECOND;

const raw = (blob: Blob, name = 'm.gguf'): NamedFile[] => [{ name, blob }];

const withKey = async (key: string, value: GgufValue): Promise<NamedFile[]> =>
  raw(await ggufBlob((metadata) => metadata.set(key, value)));

const GGUF: HostileModel[] = [
  {
    what: 'GGUF that is none',
    files: () => raw(rawGguf({ magic: 0x4c4d4747, dataBytes: 32 })),
    code: 'model.bad-header',
    fact: 'instead of "GGUF"',
  },
  {
    what: 'GGUF with 2^62 tensors',
    files: () => raw(rawGguf({ tensorCount: 1n << 62n })),
    code: 'model.bad-header',
    fact: 'the number of tensors is 4611686018427387904',
  },
  {
    what: 'GGUF with 2^40 keys',
    files: () => raw(rawGguf({ keyCount: 1n << 40n })),
    code: 'model.bad-header',
    fact: 'the number of metadata keys',
  },
  {
    what: 'GGUF with a string of 2^63 bytes',
    files: () => raw(rawGguf({ keys: [rawKey('general.name', 'string', text('x', 1n << 63n))] })),
    code: 'model.bad-header',
    fact: 'the length of general.name is 9223372036854775808',
  },
  {
    what: 'GGUF with an array longer than the file',
    files: () =>
      raw(
        rawGguf({ keys: [rawKey('tokenizer.ggml.tokens', 'array', typeNumber('string'), u64(1_000_000))] }),
      ),
    code: 'model.truncated',
    fact: 'tokenizer.ggml.tokens has 1000000 elements',
  },
  {
    what: 'GGUF with an array of 2^50 elements',
    files: () =>
      raw(rawGguf({ keys: [rawKey('a', 'array', typeNumber('uint8'), u64(1n << 50n))], dataBytes: 64 })),
    code: 'model.bad-header',
    fact: 'the length of a is 1125899906842624',
  },
  {
    what: 'GGUF with a tensor of an unknown type',
    files: () => raw(rawGguf({ tensors: [{ type: 77 }], dataBytes: 64 })),
    code: 'model.unsupported',
    fact: 'the unknown type 77',
  },
  {
    what: 'GGUF with a tensor in a type that is not read',
    files: () => raw(rawGguf({ tensors: [{ type: 16, sizes: [256] }], dataBytes: 256 })),
    code: 'model.unsupported',
    fact: 'IQ2_XXS',
  },
  {
    what: 'GGUF with tensors that overlap',
    files: () =>
      raw(
        rawGguf({
          tensors: [
            { name: 'a', sizes: [16] },
            { name: 'b', offset: 32, sizes: [16] },
          ],
          dataBytes: 128,
        }),
      ),
    code: 'model.bad-header',
    fact: 'b overlaps a',
  },
  {
    what: 'GGUF with a shape whose product overflows',
    files: () => raw(rawGguf({ tensors: [{ sizes: [1n << 40n, 1n << 40n] }], dataBytes: 64 })),
    code: 'model.bad-header',
    fact: 'impossible shape',
  },
  {
    what: 'GGUF that was cut',
    files: async () => {
      const blob = await ggufBlob();
      return raw(blob.slice(0, blob.size - 4096));
    },
    code: 'model.truncated',
    fact: 'the file at',
  },
  {
    what: 'GGUF of an architecture that is not known',
    files: () => withKey('general.architecture', { type: 'string', value: 'mamba' }),
    code: 'model.unsupported',
    fact: 'mamba',
  },
  {
    what: 'GGUF with more tokens than rows',
    files: () =>
      withKey('tokenizer.ggml.tokens', {
        ...{ type: 'array', of: 'string' },
        values: Array.from({ length: 300 }, (_, id) => `t${id}`),
      }),
    code: 'model.unsupported',
    fact: 'its embedding has 272 rows, its vocabulary 300 tokens',
  },
  {
    what: 'GGUF without a tokenizer',
    files: async () => raw(await ggufBlob((metadata) => metadata.delete('tokenizer.ggml.tokens'))),
    code: 'model.unsupported',
    fact: 'tokenizer.ggml.tokens is missing',
  },
  {
    what: 'one part of a split GGUF',
    files: async () => raw(await ggufBlob(), 'm-00001-of-00003.gguf'),
    code: 'model.unsupported',
    fact: 'm-00002-of-00003.gguf is missing, one of the 3 parts',
  },
  {
    what: 'two GGUF files',
    files: async () => [...raw(await ggufBlob(), 'a.gguf'), ...raw(await ggufBlob(), 'b.gguf')],
    code: 'model.unsupported',
    fact: 'There are 2 GGUF files: a.gguf, b.gguf',
  },
];

const number = (value: number): GgufValue => ({ type: 'uint16', value });

/** @param change of the metadata of the second of three parts. */
const withSecondPart = (change: (metadata: Map<string, GgufValue>) => void): Promise<NamedFile[]> =>
  asGgufParts(3, { metadata: (metadata, index) => void (index === 1 && change(metadata)) });

/** The contents of the parts in another order, under the names that there were. */
async function reordered(order: readonly number[]): Promise<NamedFile[]> {
  const parts = await asGgufParts();
  return parts.map(({ name }, index) => ({ name, blob: parts[order[index] ?? 0]?.blob ?? new Blob() }));
}

const PARTS: HostileModel[] = [
  {
    what: 'a split GGUF without its second part',
    files: async () => (await asGgufParts()).filter((_, index) => index !== 1),
    code: 'model.unsupported',
    fact: 'tiny-00002-of-00003.gguf is missing, one of the 3 parts',
  },
  {
    what: 'the first part of a split GGUF under the name of a whole file',
    files: async () => raw((await asGgufParts())[0]?.blob ?? new Blob()),
    code: 'model.unsupported',
    fact: 'There is no model-00002-of-00003.gguf',
  },
  {
    what: 'parts of two split GGUF files',
    files: async () => [
      ...(await asGgufParts(2)),
      ...(await asGgufParts(2)).map(({ name, blob }) => ({ name: `other-${name}`, blob })),
    ],
    code: 'model.unsupported',
    fact: 'There are 4 GGUF files',
  },
  {
    what: 'a split GGUF whose parts were exchanged',
    files: () => reordered([1, 0, 2]),
    code: 'model.bad-header',
    fact: 'it is part 2 where part 1 of 3 should be',
  },
  {
    what: 'a split GGUF with one part in place of another',
    files: () => reordered([0, 1, 1]),
    code: 'model.bad-header',
    fact: 'it is part 2 where part 3 of 3 should be',
  },
  {
    what: 'a split GGUF of which a part belongs to another split',
    files: () => withSecondPart((metadata) => metadata.set('split.count', number(5))),
    code: 'model.bad-header',
    fact: 'part 2 is of a file in 5 parts, the first is of one in 3',
  },
  {
    what: 'a split GGUF with a whole file in place of a part',
    files: async () => {
      const whole = await ggufBlob();
      return (await asGgufParts()).map(({ name, blob }, index) => ({
        name,
        blob: index === 1 ? whole : blob,
      }));
    },
    code: 'model.bad-header',
    fact: 'part 2 is of a file in 1 parts',
  },
  {
    what: 'a split GGUF with a part of another architecture',
    files: () =>
      withSecondPart((metadata) => metadata.set('general.architecture', { type: 'string', value: 'gemma3' })),
    code: 'model.bad-header',
    fact: 'part 2 is of another model: its general.architecture',
  },
  {
    what: 'a split GGUF with a part of a model with more tensors',
    files: () => withSecondPart((metadata) => metadata.set('split.tensors.count', number(99))),
    code: 'model.bad-header',
    fact: 'part 2 is of another model: it says 99 tensors',
  },
  {
    what: 'a split GGUF with a tensor in two parts',
    files: () =>
      asGgufParts(3, {
        tensors: ([first = [], second = [], third = []]) => [first, second, [...third, ...first.slice(0, 1)]],
      }),
    code: 'model.bad-header',
    fact: 'is in part 3 and in one before it',
  },
  {
    what: 'a split GGUF with a tensor in none of its parts',
    files: () =>
      asGgufParts(3, {
        tensors: ([first = [], second = [], third = []]) => [first, second, third.slice(1)],
      }),
    code: 'model.bad-header',
    fact: 'tensors together, it says',
  },
  {
    what: 'a GGUF that is split into 60000 parts',
    files: async () => withKey('split.count', number(60_000)),
    code: 'model.bad-header',
    fact: 'split.count is 60000, at most 1024 can be',
  },
  {
    what: 'a split GGUF with a page in place of a part',
    files: async () =>
      (await asGgufParts()).map(({ name, blob }, index) => ({
        name,
        blob: index === 1 ? new Blob(['<!doctype html><title>Not found</title>']) : blob,
      })),
    code: 'model.bad-header',
    fact: 'instead of "GGUF"',
  },
  {
    what: 'a split GGUF of which a part was cut',
    files: async () =>
      (await asGgufParts()).map(({ name, blob }, index) => ({
        name,
        blob: index === 1 ? blob.slice(0, blob.size - 512) : blob,
      })),
    code: 'model.truncated',
    fact: 'the file at',
  },
];

const BESIDE: HostileModel[] = [
  {
    what: 'a configuration that is no JSON',
    files: () => replaced(asSafetensors(), 'config.json', new Blob(['{'])),
    code: 'model.unsupported',
    fact: 'config.json is not JSON',
  },
  {
    what: 'an architecture that is not known',
    files: () =>
      replaced(
        asSafetensors(),
        'config.json',
        jsonFile('config.json', { architectures: ['MambaForCausalLM'] }).blob,
      ),
    code: 'model.unsupported',
    fact: 'MambaForCausalLM is not supported; supported: ',
  },
  {
    what: 'no tokenizer',
    files: () => replaced(asSafetensors(), 'tokenizer.json', null),
    code: 'model.unsupported',
    fact: 'There is no tokenizer.json',
  },
  {
    what: 'the tokenizer of a model with more tokens',
    files: () => withTokens(({ model }) => (model.vocab['hello there'] = 272)),
    code: 'model.unsupported',
    fact: '"hello there" has the id 272, the model has 272 tokens',
  },
];

const ADAPTERS_AS_MODELS: HostileModel[] = [
  {
    what: 'an adapter’s matrices as the weights of a model',
    files: () => withWeights(writeSafetensors(queryMatrices())),
    code: 'model.unsupported',
    fact: 'The weights are an adapter’s, not a model’s',
  },
  {
    what: 'a GGUF adapter as a model',
    files: async () => raw(await loraGguf()),
    code: 'model.unsupported',
    fact: 'it is an adapter, not a model',
  },
];

export const HOSTILE_MODELS: readonly HostileModel[] = [
  ...SAFETENSORS,
  ...SHARDS,
  ...GGUF,
  ...PARTS,
  ...HOSTILE_ONNX,
  ...BESIDE,
  ...ADAPTERS_AS_MODELS,
];
