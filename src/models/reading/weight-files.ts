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
const MAX_PARTS = 1024;

const partSuffix = (number: number, count: number): string =>
  `-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`;

/** What a part of a split GGUF file is stored as; the first tells by its header that there are others. */
export const ggufPartName = (number: number, count: number): string =>
  number === 1 ? GGUF_WEIGHTS : `model${partSuffix(number, count)}`;

/**
 * The GGUF file where that is what the files are of, or all parts of it, by the names that they are stored as; safetensors go
 * first.
 * @throws AppError `model.unsupported` for several, or where a part is missing.
 */
export function chosenGguf(files: readonly NamedFile[]): NamedFile[] | null {
  if (files.some(({ name }) => name === WEIGHTS || name === WEIGHTS_INDEX)) return null;
  const found = files.filter(({ name }) => GGUF.test(name));
  const [first, second] = found;
  if (first === undefined) return null;
  const [, , total = '1'] = GGUF_PART.exec(first.name) ?? [];
  if (Number(total) > 1) return chosenParts(found, first.name, Number(total));
  if (second !== undefined) throw severalGguf(found);
  return [{ name: GGUF_WEIGHTS, blob: first.blob }];
}

/** @param name of one of the parts. */
function chosenParts(found: readonly NamedFile[], name: string, count: number): NamedFile[] {
  const stem = name.replace(GGUF_PART, '');
  const byName = new Map(found.map((file) => [file.name.toLowerCase(), file.blob]));
  const parts = Array.from({ length: Math.min(count, MAX_PARTS) }, (_, index) => {
    const wanted = `${stem}${partSuffix(index + 1, count)}`;
    const blob = byName.get(wanted.toLowerCase());
    if (blob === undefined) throw missingPart(wanted, count, found);
    return { name: ggufPartName(index + 1, count), blob };
  });
  if (found.length > count) throw severalGguf(found);
  return parts;
}

function missingPart(name: string, count: number, found: readonly NamedFile[]): AppError {
  return new AppError('model.unsupported', `${name} is missing, one of the ${count} parts of the model.`, {
    details: { file: name, files: found.map((file) => file.name) },
    remedy: `Choose ${name} together with the other parts.`,
  });
}

function severalGguf(found: readonly NamedFile[]): AppError {
  const names = found.map(({ name }) => name);
  return new AppError('model.unsupported', `There are ${found.length} GGUF files: ${names.join(', ')}.`, {
    details: { files: names },
    remedy: 'Choose one of them: each is a whole model.',
  });
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
