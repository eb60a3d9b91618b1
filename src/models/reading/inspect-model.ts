// What a user's files are, before anything is stored: which of them make a model, what it is, and that its parts belong
// together. Nothing is loaded.
import { modelFileName, POOLING_CONFIG, PREPROCESSOR_CONFIG } from '../../core/model-file-name';
import { AppError } from '../../lib/errors';
import { variantOf } from '../../lib/formats/onnx-variants';
import { EmbeddingTokenizer } from '../../lib/text/embedding-tokenizer';
import { createTokenizer } from '../../lib/text/hf-tokenizer';
import { parseTokenizerJson } from '../../lib/text/tokenizer-config';
import type { ModelFormat, ModelRecord, NamedFile } from '../../protocol/models';
import { elementCount, type ModelFamilies } from '../model-family';
import { fingerprintOf } from './fingerprint';
import { readJson, sourceOfFiles, type ModelSource } from './model-source';
import { openModel } from './open-model';
import type { OpenedModel } from './opened-model';
import {
  CHAT_TEMPLATE,
  chosenGguf,
  chosenOnnx,
  CONFIG,
  GENERATION_CONFIG,
  MODULES,
  ONNX_GRAPH,
  SENTENCE_CONFIG,
  TOKENIZER,
  TOKENIZER_CONFIG,
  WEIGHTS,
  WEIGHTS_INDEX,
} from './weight-files';

/** The part of a model's record that its files tell. */
export type ModelFacts = Pick<
  ModelRecord,
  | 'family'
  | 'task'
  | 'parameters'
  | 'sizeBytes'
  | 'format'
  | 'variant'
  | 'dtype'
  | 'contextLength'
  | 'license'
  | 'fingerprint'
>;

export interface ModelInspection {
  facts: ModelFacts;
  /** What is to be stored, by the names that loading reads. */
  files: NamedFile[];
}

const BESIDE = [CONFIG, TOKENIZER, TOKENIZER_CONFIG, GENERATION_CONFIG, CHAT_TEMPLATE];
const BESIDE_EMBEDDING = [MODULES, SENTENCE_CONFIG, POOLING_CONFIG];

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`. */
export async function inspectModel(
  files: readonly NamedFile[],
  families: ModelFamilies,
): Promise<ModelInspection> {
  const { format, source, variant } = await chosenFiles(files, families);
  const model = await openModel(source, families, format);
  const names = besideOf(model);
  const beside = format === 'gguf' ? model.beside() : [...model.beside(), ...(await found(source, names))];
  if (!isVision(model)) await checkTokenizer(sourceOfFiles(beside), model);
  const sizeBytes = model.weights.reduce((sum, { blob }) => sum + blob.size, 0);
  const facts: ModelFacts = {
    ...factsOf(model),
    sizeBytes,
    format,
    dtype: model.precision,
    license: model.license,
    fingerprint: await fingerprintOf(model.weights),
    ...(variant === null ? {} : { variant }),
  };
  return { facts, files: [...beside, ...model.weights] };
}

interface ChosenFiles {
  format: ModelFormat;
  source: ModelSource;
  /** Which of several ONNX graphs it is; null where there is no choice. */
  variant: string | null;
}

/** Safetensors go first, where their architecture is one of ours; then GGUF, then ONNX. */
async function chosenFiles(files: readonly NamedFile[], families: ModelFamilies): Promise<ChosenFiles> {
  const isThere = (ending: string) => files.some(({ name }) => name.toLowerCase().endsWith(ending));
  const safetensors = files.some(({ name }) => name === WEIGHTS || name === WEIGHTS_INDEX);
  const others = safetensors ? await isKnown(files, families) : isThere('.gguf');
  if (isThere('.onnx') && !others) {
    const named = files.map(({ name, blob }) => ({ name: modelFileName(name), blob }));
    const chosen = chosenOnnx(named);
    if (chosen !== null) {
      const beside = named.filter(({ name }) => variantOf(name) === null);
      const source = sourceOfFiles([...beside, { name: ONNX_GRAPH, blob: chosen.graph.blob }]);
      return { format: 'onnx', source, variant: chosen.others.length === 0 ? null : chosen.graph.name };
    }
  }
  const gguf = chosenGguf(files);
  if (gguf === null) return { format: 'safetensors', source: sourceOfFiles(files), variant: null };
  return { format: 'gguf', source: sourceOfFiles(gguf), variant: null };
}

async function isKnown(files: readonly NamedFile[], families: ModelFamilies): Promise<boolean> {
  const config = files.find(({ name }) => name === CONFIG);
  if (config === undefined) return false;
  try {
    families.plan(await readJson(CONFIG, config.blob));
    return true;
  } catch {
    return false;
  }
}

function factsOf(model: OpenedModel): Pick<ModelFacts, 'family' | 'task' | 'parameters' | 'contextLength'> {
  if (model.format === 'onnx') {
    const { task, parameters, contextLength } = model;
    return { family: 'graph', task, parameters, contextLength };
  }
  const { family, plan } = model;
  const parameters = elementCount(plan.weightShapes());
  return { family: family.name, parameters, contextLength: plan.contextLength };
}

const isEmbedding = (model: OpenedModel): boolean => model.format === 'onnx' && model.task === 'embedding';

const isVision = (model: OpenedModel): boolean => model.format === 'onnx' && model.task === 'vision';

function besideOf(model: OpenedModel): readonly string[] {
  if (isVision(model)) return [CONFIG, PREPROCESSOR_CONFIG];
  return isEmbedding(model) ? [...BESIDE, ...BESIDE_EMBEDDING] : BESIDE;
}

const vocabSizeOf = (model: OpenedModel): number | null =>
  model.format === 'onnx' ? model.vocabSize : model.plan.vocabSize;

async function found(source: ModelSource, names: readonly string[]): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for (const name of names) {
    const blob = await source.find(name);
    if (blob !== null) files.push({ name, blob });
  }
  return files;
}

/** Sound, and of this model: an id without a row in the embedding would read a stranger's weights. */
async function checkTokenizer(source: ModelSource, model: OpenedModel): Promise<void> {
  const vocabSize = vocabSizeOf(model);
  const tokenizerJson = await (await source.need(TOKENIZER)).text();
  const config = await source.find(TOKENIZER_CONFIG);
  const tokenizerConfigJson = config === null ? '{}' : await config.text();
  const files = { tokenizerJson, tokenizerConfigJson };
  const tokenizer = isEmbedding(model) ? new EmbeddingTokenizer(files) : createTokenizer(files);
  if (vocabSize === null || tokenizer.vocabSize <= vocabSize) return;
  const beyond = ordinaryBeyond(tokenizerJson, vocabSize);
  if (beyond === null) return;
  throw new AppError(
    'model.unsupported',
    `${TOKENIZER} and ${CONFIG} do not belong together: ${JSON.stringify(beyond.token)} has the id ${beyond.id}, the model has ${vocabSize} tokens.`,
    {
      details: { ...beyond, vocabSize },
      remedy: `Use the ${TOKENIZER} of the same model.`,
    },
  );
}

/**
 * A token that text can become and the model has no row for. Special ones are let through: text models that share a
 * tokenizer with one that sees images have a few beyond their vocabulary.
 */
function ordinaryBeyond(tokenizerJson: string, vocabSize: number): { token: string; id: number } | null {
  const { model, added_tokens: added } = parseTokenizerJson(tokenizerJson, TOKENIZER);
  const vocab = typeof model === 'object' && model !== null && 'vocab' in model ? model.vocab : null;
  for (const [token, id] of Object.entries(vocab ?? {}) as [string, unknown][]) {
    if (typeof id === 'number' && id >= vocabSize) return { token, id };
  }
  for (const item of (Array.isArray(added) ? added : []) as {
    id?: unknown;
    content?: unknown;
    special?: unknown;
  }[]) {
    if (typeof item.id === 'number' && item.id >= vocabSize && item.special !== true) {
      return { token: String(item.content), id: item.id };
    }
  }
  return null;
}
