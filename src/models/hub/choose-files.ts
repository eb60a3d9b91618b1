// Which files of a repository make a model: configuration, tokenizer and the weights in one of their forms. Pure.
import { POOLING_CONFIG, PREPROCESSOR_CONFIG } from '../../core/model-file-name';
import { AppError } from '../../lib/errors';
import { belongsTo, wholeGraphs } from '../../lib/formats/onnx-variants';
import type { HubChoice, HubFile } from '../../protocol/hub';

const TOKENIZER = 'tokenizer.json';
const BESIDE = [TOKENIZER, 'tokenizer_config.json', 'generation_config.json', 'chat_template.jinja'];
const BESIDE_EMBEDDING = ['modules.json', 'sentence_bert_config.json', POOLING_CONFIG];
/** The model card, kept with the model. */
const CARD = 'README.md';
const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const SHARD = /^(.+)-(\d{5})-of-(\d{5})\.(safetensors|gguf)$/;
/** Of GGUF: a type whose blocks are read, or a mixture of such; of others the names are known and no more. */
const READABLE = /^(?:F(?:P)?(?:16|32)|BF16|Q[45]_[01]|Q8_0|Q[45]_K(?:_[A-Z]+)*|Q6_K(?:_[A-Z]+)*|Q8_K_XL)$/;
const QUANTISATION = /(?:^|[-_.])(I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4|BF16|F(?:P)?(?:16|32))$/i;

/** Smallest first; a repository may hold none. */
export function findChoices(files: readonly HubFile[]): HubChoice[] {
  const weights = [...safetensorsChoice(files), ...ggufChoices(files)];
  const choices = weights.length === 0 || isEmbedder(files) ? [...weights, ...onnxChoices(files)] : weights;
  return choices.sort((a, b) => a.sizeBytes - b.sizeBytes);
}

/** @throws AppError `hub.no-model` where there is nothing to choose from. */
export function requireChoices(repositoryId: string, files: readonly HubFile[]): HubChoice[] {
  const choices = findChoices(files);
  if (choices.length > 0) return choices;
  const incomplete = missingShards(files);
  throw new AppError(
    'hub.no-model',
    incomplete.length > 0
      ? `The weights of ${repositoryId} are incomplete: ${incomplete[0]} is missing.`
      : `${repositoryId} has no weights as safetensors with a config.json, nor as GGUF, nor as an ONNX graph.`,
    {
      details: { repositoryId, files: files.map(({ path }) => path).slice(0, 100), missing: incomplete },
      remedy:
        'Look for a conversion of it: many models have a repository of their own with GGUF, safetensors or ONNX.',
    },
  );
}

function safetensorsChoice(files: readonly HubFile[]): HubChoice[] {
  const config = named(files, CONFIG);
  const single = named(files, WEIGHTS);
  const weights = single === null ? shardedWeights(files) : [single];
  if (config === null || weights.length === 0) return [];
  const others = [...BESIDE, CARD].map((name) => named(files, name)).filter((file) => file !== null);
  return [choice('safetensors', 'safetensors', null, [config, ...others, ...weights])];
}

function shardedWeights(files: readonly HubFile[]): HubFile[] {
  const index = named(files, INDEX);
  const shards = files.filter(
    ({ path }) => SHARD.exec(path)?.[1] === 'model' && path.endsWith('.safetensors'),
  );
  return index !== null && isComplete(shards) ? [index, ...shards] : [];
}

/** One for each file, or for all parts of one that was split, whatever folder they are in. */
function ggufChoices(files: readonly HubFile[]): HubChoice[] {
  const card = files.filter(({ path }) => path === CARD);
  return setsOf(files.filter(({ path }) => isGgufModel(path)))
    .filter((set) => missingIn(set).length === 0)
    .map((set) => {
      const first = set[0]?.path ?? '';
      const quantisation = quantisationOf(SHARD.exec(first)?.[1] ?? withoutEnding(first));
      const whole = choice(`gguf ${withoutEnding(first)}`, 'gguf', quantisation, [...card, ...set]);
      return quantisation === null || READABLE.test(quantisation) ? whole : { ...whole, unreadable: true };
    });
}

/** A sentence-embedding model: of those only graphs are run, whatever else there is. */
const isEmbedder = (files: readonly HubFile[]): boolean =>
  BESIDE_EMBEDDING.some((name) => named(files, name) !== null);

/** One for each graph, with its files of weights. A merged decoder stands for the two that it was made of. */
function onnxChoices(files: readonly HubFile[]): HubChoice[] {
  const config = named(files, CONFIG);
  const tokenizer = named(files, TOKENIZER);
  const preprocessor = named(files, PREPROCESSOR_CONFIG);
  // Pictures have no tokens.
  if (config === null || (tokenizer === null && preprocessor === null)) return [];
  const others = [...BESIDE, ...BESIDE_EMBEDDING, PREPROCESSOR_CONFIG, CARD].map((name) =>
    named(files, name),
  );
  const beside = [config, ...others.filter((file) => file !== null)];
  return wholeGraphs(files).map(({ path, precision }) => {
    const graph = files.filter((file) => belongsTo(file.path, path));
    const quantisation = precision === '' ? 'FP32' : precision.toUpperCase();
    return choice(`onnx ${path.slice(0, -'.onnx'.length)}`, 'onnx', quantisation, [...beside, ...graph]);
  });
}

/** Vision projectors and importance matrices are none. */
function isGgufModel(path: string): boolean {
  return path.endsWith('.gguf') && !/(?:^|\/)(?:mmproj|imatrix)/i.test(path);
}

const withoutEnding = (path: string): string => path.slice(0, -'.gguf'.length);

/** Parts of one whole together, in order; any other file by itself. */
function setsOf(files: readonly HubFile[]): HubFile[][] {
  const sets = new Map<string, HubFile[]>();
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const [, name, , total, extension] = SHARD.exec(file.path) ?? [];
    const key = name === undefined ? file.path : `${name} of ${total}.${extension}`;
    sets.set(key, [...(sets.get(key) ?? []), file]);
  }
  return [...sets.values()];
}

/** As the name has it, in capitals; null where it tells nothing. */
export function quantisationOf(name: string): string | null {
  return QUANTISATION.exec(name.slice(name.lastIndexOf('/') + 1))?.[1]?.toUpperCase() ?? null;
}

function isComplete(shards: readonly HubFile[]): boolean {
  return shards.length > 0 && missingIn(shards).length === 0;
}

/** Of the first set of files that is not whole. */
function missingShards(files: readonly HubFile[]): string[] {
  return (
    setsOf(files)
      .map(missingIn)
      .find((missing) => missing.length > 0) ?? []
  );
}

/** Of one set; a file that is no part of anything misses nothing. */
function missingIn(shards: readonly HubFile[]): string[] {
  const [, name = '', , total = '0', extension = ''] = SHARD.exec(shards[0]?.path ?? '') ?? [];
  const here = new Set(shards.map(({ path }) => path));
  return Array.from({ length: Math.min(Number(total), 10_000) }, (_, index) => {
    return `${name}-${String(index + 1).padStart(5, '0')}-of-${total}.${extension}`;
  }).filter((path) => !here.has(path));
}

function named(files: readonly HubFile[], name: string): HubFile | null {
  return files.find(({ path }) => path === name) ?? null;
}

function choice(
  id: string,
  format: HubChoice['format'],
  quantisation: string | null,
  files: HubFile[],
): HubChoice {
  return { id, format, quantisation, files, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}
