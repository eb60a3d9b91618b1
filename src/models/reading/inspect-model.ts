// What a user's files are, before anything is stored: which of them make a model, what it is, and that its parts belong
// together. Nothing is loaded.
import { AppError } from '../../lib/errors';
import { createTokenizer } from '../../lib/text/hf-tokenizer';
import { parseTokenizerJson } from '../../lib/text/tokenizer-config';
import type { ModelRecord, NamedFile } from '../../protocol/models';
import { elementCount, type ModelFamilies } from '../model-family';
import { fingerprintOf } from './fingerprint';
import { sourceOfFiles, type ModelSource } from './model-source';
import { openModel } from './open-model';
import type { OpenedModel } from './opened-model';
import {
  CHAT_TEMPLATE,
  chosenGguf,
  CONFIG,
  GENERATION_CONFIG,
  GGUF_WEIGHTS,
  TOKENIZER,
  TOKENIZER_CONFIG,
} from './weight-files';

/** The part of a model's record that its files tell. */
export type ModelFacts = Pick<
  ModelRecord,
  'family' | 'parameters' | 'sizeBytes' | 'format' | 'dtype' | 'contextLength' | 'license' | 'fingerprint'
>;

export interface ModelInspection {
  facts: ModelFacts;
  /** What is to be stored, by the names that loading reads. */
  files: NamedFile[];
}

const BESIDE = [CONFIG, TOKENIZER, TOKENIZER_CONFIG, GENERATION_CONFIG, CHAT_TEMPLATE];

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`. */
export async function inspectModel(
  files: readonly NamedFile[],
  families: ModelFamilies,
): Promise<ModelInspection> {
  const gguf = chosenGguf(files);
  const source = sourceOfFiles(gguf === null ? files : [{ name: GGUF_WEIGHTS, blob: gguf }]);
  const model = await openModel(source, families, gguf === null ? 'safetensors' : 'gguf');
  const beside = gguf === null ? [...model.beside(), ...(await found(source))] : model.beside();
  await checkTokenizer(sourceOfFiles(beside), model);
  const sizeBytes = model.weights.reduce((sum, { blob }) => sum + blob.size, 0);
  const facts: ModelFacts = {
    family: model.family.name,
    parameters: elementCount(model.plan.weightShapes()),
    sizeBytes,
    format: model.format,
    dtype: model.precision,
    contextLength: model.plan.contextLength,
    license: model.license,
    fingerprint: await fingerprintOf(model.weights),
  };
  return { facts, files: [...beside, ...model.weights] };
}

async function found(source: ModelSource): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for (const name of BESIDE) {
    const blob = await source.find(name);
    if (blob !== null) files.push({ name, blob });
  }
  return files;
}

/** Sound, and of this model: an id without a row in the embedding would read a stranger's weights. */
async function checkTokenizer(source: ModelSource, { plan }: OpenedModel): Promise<void> {
  const tokenizerJson = await (await source.need(TOKENIZER)).text();
  const config = await source.find(TOKENIZER_CONFIG);
  const tokenizerConfigJson = config === null ? '{}' : await config.text();
  const tokenizer = createTokenizer({ tokenizerJson, tokenizerConfigJson });
  if (tokenizer.vocabSize <= plan.vocabSize) return;
  const beyond = ordinaryBeyond(tokenizerJson, plan.vocabSize);
  if (beyond === null) return;
  throw new AppError(
    'model.unsupported',
    `${TOKENIZER} and ${CONFIG} do not belong together: ${JSON.stringify(beyond.token)} has the id ${beyond.id}, the model has ${plan.vocabSize} tokens.`,
    {
      details: { ...beyond, vocabSize: plan.vocabSize },
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
