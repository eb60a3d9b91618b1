// Names of the files that weights come in, and which of a user's files they are. Pure.
import { AppError } from '../../lib/errors';
import { chooseVariant } from '../../lib/formats/onnx-variants';
import type { NamedFile } from '../../protocol/models';

export const CONFIG = 'config.json';
export const WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** What a GGUF file is stored as, whatever it was called. */
export const GGUF_WEIGHTS = 'model.gguf';
/** What an ONNX graph is stored as, whatever it was called. Files with its weights keep their names. */
export const ONNX_GRAPH = 'model.onnx';
export const TOKENIZER = 'tokenizer.json';
export const TOKENIZER_CONFIG = 'tokenizer_config.json';
export const GENERATION_CONFIG = 'generation_config.json';
export const CHAT_TEMPLATE = 'chat_template.jinja';
/** Beside models for embeddings: what comes after the graph, and how long a text may be. */
export const MODULES = 'modules.json';
export const SENTENCE_CONFIG = 'sentence_bert_config.json';

const GGUF = /\.gguf$/i;
/** As llama.cpp's gguf-split names the parts of a file. */
const GGUF_PART = /-(\d{5})-of-(\d{5})\.gguf$/i;

/**
 * The GGUF file where that is what the files are of; safetensors go first.
 * @throws AppError `model.unsupported` for several, or for one part of a split file.
 */
export function chosenGguf(files: readonly NamedFile[]): Blob | null {
  if (files.some(({ name }) => name === WEIGHTS || name === WEIGHTS_INDEX)) return null;
  const found = files.filter(({ name }) => GGUF.test(name));
  const [first, second] = found;
  if (first === undefined) return null;
  const [, part, parts] = GGUF_PART.exec(first.name) ?? [];
  if (parts !== undefined && Number(parts) > 1) {
    throw new AppError('model.unsupported', `${first.name} is part ${Number(part)} of ${Number(parts)}.`, {
      details: { files: found.map(({ name }) => name) },
      remedy: 'Join the parts with llama-gguf-split --merge and import the whole file.',
    });
  }
  if (second !== undefined) {
    const names = found.map(({ name }) => name).join(', ');
    throw new AppError('model.unsupported', `There are ${found.length} GGUF files: ${names}.`, {
      details: { files: found.map(({ name }) => name) },
      remedy: 'Choose one of them: each is a whole model.',
    });
  }
  return first.blob;
}

export interface ChosenOnnx {
  graph: NamedFile;
  /** Names of graphs that were left. */
  others: string[];
}

/**
 * The ONNX graph among the files, of several variants the one that loses least and still runs everywhere; null for none.
 * @throws AppError `model.unsupported` for graphs that are not variants of one model.
 */
export function chosenOnnx(files: readonly NamedFile[]): ChosenOnnx | null {
  const choice = chooseVariant(files.map(({ name, blob }) => ({ name, sizeBytes: blob.size })));
  if (choice === null) return null;
  if ('undecided' in choice) {
    const { undecided } = choice;
    throw new AppError(
      'model.unsupported',
      `There are ${undecided.length} ONNX graphs: ${undecided.join(', ')}.`,
      {
        details: { files: undecided },
        remedy: 'Choose one of them, with its files of weights, beside config.json and tokenizer.json.',
      },
    );
  }
  const graph = files.find(({ name }) => name === choice.chosen);
  return graph === undefined ? null : { graph, others: choice.others };
}
