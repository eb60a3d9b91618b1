// Weights as they lie in files, onto the device: unpacked there or by the host, they are those that a reader gives in floats.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PlanDevice, proveUnpacking, type PackedType, type Storage } from '../../src/engine/planned';
import type { Kernel } from '../../src/engine/planned/kernel';
import { readGgufTensor } from '../../src/lib/formats/gguf/gguf-tensor';
import { GGUF_LAYOUTS, type GgufType } from '../../src/lib/formats/gguf/gguf-types';
import { collectGguf, writeGguf } from '../../src/lib/formats/gguf/gguf-writer';
import { Random } from '../../src/lib/random';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import { ggufMetadataOf } from '../../src/models/decoder/gguf/gguf-config';
import { fromGgufRows } from '../../src/models/decoder/gguf/gguf-names';
import { ggufTensorsOf, openGguf } from '../../src/models/decoder/gguf/gguf-weights';
import { loadBase } from '../../src/models/decoder/planned/load-base';
import { createModelFamilies } from '../../src/models/families';
import type { StoredArray, WeightReader } from '../../src/models/file-layout';
import { SELF_TEST_CONFIG, selfTestWeights } from '../../src/models/self-test';
import { TINY_CONFIG_JSON } from '../../src/models/testing/tiny-decoders';
import type { ModelFamily } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

const PACKED = (Object.keys(GGUF_LAYOUTS) as GgufType[]).filter((type): type is PackedType => type !== 'F32');

const opened: PlanDevice[] = [];

interface Opening {
  /** A processor that plays a GPU leaves unpacking to the host. */
  software?: boolean;
  limitBytes?: number;
  spoil?: (kernel: Kernel) => string;
}

async function open({ software = false, limitBytes, spoil }: Opening = {}): Promise<PlanDevice> {
  const { device } = await planDevice();
  const limits = limitBytes === undefined ? {} : { limitBytes };
  const owner = new PlanDevice(device, { vendor: '', software }, limits);
  opened.push(owner);
  if (spoil === undefined) return owner;
  const get = owner.pipelines.get.bind(owner.pipelines);
  vi.spyOn(owner.pipelines, 'get').mockImplementation((kernel, readOnly) =>
    get({ ...kernel, code: spoil(kernel) }, readOnly),
  );
  return owner;
}

afterEach(() => {
  for (const owner of opened.splice(0)) owner.dispose();
});

/** Rows of whole super-blocks, an odd number of tokens. */
const BLOCKS: DecoderConfig = {
  ...SELF_TEST_CONFIG,
  ...{ vocabSize: 37, hiddenSize: 256, intermediateSize: 512, heads: 8, kvHeads: 4, headSize: 32, layers: 3 },
};
/** Rows that are whole blocks of 32 only. */
const SHORT: DecoderConfig = {
  ...BLOCKS,
  hiddenSize: 96,
  intermediateSize: 160,
  heads: 6,
  kvHeads: 2,
  headSize: 16,
};

/** Random bytes whose halves are no infinities, some of them apart. @param first byte of the file that is theirs. */
function randomStored(
  config: DecoderConfig,
  typeOf: (name: string, index: number) => GgufType,
  first = 2,
): ReadonlyMap<string, StoredArray> {
  const random = new Random(9);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const arrays: [string, Omit<StoredArray, 'file'>][] = [];
  let end = 0;
  const put = (bytes: Uint8Array<ArrayBuffer>): void => {
    parts.push(bytes);
    end += bytes.length;
  };
  put(new Uint8Array(first));
  [...weightShapes(config)].forEach(([name, shape], index) => {
    const type = typeOf(name, index);
    const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
    const size = (shape.reduce((product, n) => product * n, 1) / blockSize) * blockBytes;
    const begin = end;
    // No half is above 2, no float above 2^2: their highest exponent bits are zero.
    put(Uint8Array.from({ length: size }, (_, i) => (256 * random.next()) & (i % 2 === 1 ? 0xbf : 0xff)));
    const headSize = /[qk]_proj\.weight$/.test(name) ? config.headSize : null;
    arrays.push([name, { type, shape, begin, end, headSize }]);
    if (index % 2 === 0) put(new Uint8Array(6));
  });
  const file = new Blob(parts);
  return new Map(arrays.map(([name, array]) => [name, { file, ...array }]));
}

/** In floats, whole. */
function floatReader(arrays: ReadonlyMap<string, StoredArray>): WeightReader {
  return async (name) => {
    const { file, type, shape, begin, end, headSize } = arrays.get(name) as StoredArray;
    const { data } = await readGgufTensor(file, { type, shape: [...shape], begin, end });
    if (headSize === null) return { shape: [...shape], data };
    return { shape: [...shape], data: fromGgufRows(data, headSize, shape[1] ?? 0) };
  };
}

function storedReader(arrays: ReadonlyMap<string, StoredArray>): WeightReader {
  const read: WeightReader = (name) => Promise.reject(new Error(`${name} was asked for in floats.`));
  read.stored = (name) => arrays.get(name) ?? null;
  return read;
}

/** All bytes of a base, and nothing left of it. */
async function bytesOf(owner: PlanDevice, config: DecoderConfig, read: WeightReader, storage: Storage) {
  const { base, errors } = await loadBase(owner, config, read, storage);
  const flats: Uint32Array[] = [];
  for (const range of base.flats) flats.push(new Uint32Array(await owner.memory.read(range)));
  base.dispose();
  return { flats, errors };
}

/** Zeros of either sign are the same number. */
const unsigned = (flats: Uint32Array[]): Uint32Array[] =>
  flats.map((words) => words.map((word) => (word === 0x80000000 ? 0 : word)));

/** How many words differ: readable where everything does. */
function differences(found: Uint32Array[], wanted: Uint32Array[]): number {
  if (found.map(({ length }) => length).join() !== wanted.map(({ length }) => length).join()) return Infinity;
  return found.reduce(
    (sum, words, i) => sum + words.reduce((count, word, j) => count + Number(word !== wanted[i]?.[j]), 0),
    0,
  );
}

async function differencesOf(
  owner: PlanDevice,
  config: DecoderConfig,
  arrays: ReadonlyMap<string, StoredArray>,
  storage: Storage,
) {
  const wanted = await bytesOf(owner, config, floatReader(arrays), storage);
  const found = await bytesOf(owner, config, storedReader(arrays), storage);
  expect([...found.errors.keys()].sort()).toEqual([...wanted.errors.keys()].sort());
  return differences(unsigned(found.flats), unsigned(wanted.flats));
}

describe('unpacking on the device', () => {
  it('every encoding: the bits of the host, at both alignments and in the order of heads', async () => {
    const owner = await open();
    const before = owner.memory.bytes;
    expect(await proveUnpacking(owner, PACKED)).toEqual(PACKED);
    expect([...owner.variants.setAside]).toEqual([]);
    // What is left is for reading back.
    expect(owner.memory.bytes - before).toBeLessThan(2 ** 20);
  });

  it('an encoding that is computed wrong, one that does not compile: set aside, and the host takes their place', async () => {
    const owner = await open({
      spoil: ({ name, code }) => {
        if (name === 'unpack Q5_0') return code.replace('<< vec4u(4u)', '<< vec4u(3u)');
        return name === 'unpack F16' ? `${code}\nthis is no shader` : code;
      },
    });
    const types: GgufType[] = ['Q5_0', 'Q8_0', 'F16'];
    const arrays = randomStored(SHORT, (_, index) => types[index % 3] ?? 'F32');
    expect(await differencesOf(owner, SHORT, arrays, 'f32')).toBe(0);
    expect([...owner.variants.setAside.keys()].sort()).toEqual(['unpack F16', 'unpack Q5_0']);
    expect(owner.variants.setAside.get('unpack Q5_0')).toBe('It computed wrong.');
  });
});

const mixed = (name: string, index: number): GgufType => {
  const types: GgufType[] = [...PACKED, 'F32'];
  return /norm/.test(name) ? 'F32' : (types[index % types.length] ?? 'F32');
};

/** Drawn once: most of the time of these tests would go there. */
let drawn: ReadonlyMap<string, StoredArray> | null = null;
const mixedBlocks = (): ReadonlyMap<string, StoredArray> => (drawn ??= randomStored(BLOCKS, mixed));

describe.each([
  ['unpacked on the device', false],
  ['unpacked by the host', true],
] as const)('stored weights, %s', (_, software) => {
  it.each(['f32', 'f16', 'int8', 'int4'] as const)(
    'all encodings into %s: as from floats',
    async (storage) => {
      expect(await differencesOf(await open({ software }), BLOCKS, mixedBlocks(), storage)).toBe(0);
    },
  );

  it.each(['f32', 'int8'] as const)(
    'arrays of several bindings, into %s: as from floats',
    async (storage) => {
      // A range of rows that ends within a head of 32, and one that does not.
      for (const limitBytes of [36 * 1024, 64 * 1024]) {
        const owner = await open({ software, limitBytes });
        expect(await differencesOf(owner, BLOCKS, mixedBlocks(), storage)).toBe(0);
      }
    },
  );

  it.each(['F16', 'BF16', 'F32'] as const)(
    '%s in rows of odd lengths, at any byte: as from floats',
    async (type) => {
      const config = { ...SELF_TEST_CONFIG, hiddenSize: 11 };
      const owner = await open({ software });
      for (const first of [0, 2, 3]) {
        expect(
          await differencesOf(
            owner,
            config,
            randomStored(config, () => type, first),
            'f32',
          ),
        ).toBe(0);
      }
    },
  );

  it.each(Object.keys(TINY_CONFIG_JSON) as ModelFamily[])('%s out of GGUF: as from floats', async (name) => {
    const families = createModelFamilies();
    const usual = { sliding_window_pattern: 6, num_hidden_layers: 6, rope_local_base_freq: 10_000 };
    const json = name === 'gemma3' ? { ...TINY_CONFIG_JSON.gemma3, ...usual } : TINY_CONFIG_JSON[name];
    const { family, plan } = families.plan(json);
    const weights = selfTestWeights(plan.decoder, false);
    const read: WeightReader = (weight) => {
      const array = weights.get(weight);
      return array === undefined ? Promise.reject(new Error(weight)) : Promise.resolve(array);
    };
    const owner = await open({ software });
    for (const type of ['F32', 'F16', 'Q8_0'] as const) {
      const metadata = ggufMetadataOf(plan.decoder, { name, fileType: type }, family.gguf);
      const tensors = ggufTensorsOf(plan.decoder, read, type, family.gguf);
      const file = await collectGguf(writeGguf('m', { metadata, tensors }));
      const reader = (await openGguf(file, families.ggufForms)).reader(plan.decoder);
      const wanted = await bytesOf(owner, plan.decoder, (weight, rows) => reader(weight, rows), 'f32');
      const found = await bytesOf(owner, plan.decoder, reader, 'f32');
      expect(differences(unsigned(found.flats), unsigned(wanted.flats))).toBe(0);
    }
  });
});
