// Sorts picked or dropped files into what an import needs, before anything is sent to the engine. By names; of a GGUF file,
// whose name does not tell, by its first keys.
import { modelFileName, POOLING_CONFIG, PREPROCESSOR_CONFIG } from '../../core/model-file-name';
import { belongsTo, chooseVariant, variantOf } from '../../lib/formats/onnx-variants';
import type { NamedFile } from '../../protocol/models';

export type ImportKind = 'model' | 'adapter';

export interface ImportSelection {
  kind: ImportKind;
  files: NamedFile[];
  /** Required files that are not there. */
  missing: string[];
  /** Files that no import reads. */
  ignored: string[];
  /** Weights as a pickle, which is a program: nothing here runs it. */
  pickles: string[];
  /** Folder or file name that suggests a name; empty where there is none. */
  suggestedName: string;
}

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const TOKENIZER = 'tokenizer.json';
const BESIDE_WEIGHTS = ['config.json', TOKENIZER];
const MODEL_OPTIONAL = [
  'tokenizer_config.json',
  'generation_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'modules.json',
  'sentence_bert_config.json',
  POOLING_CONFIG,
  PREPROCESSOR_CONFIG,
];
const GGUF = /\.gguf$/i;
const PICKLE = /^(adapter_model|pytorch_model|model).*\.(bin|pt|pth)$/i;
const ADAPTER_REQUIRED = ['adapter_config.json', 'adapter_model.safetensors'];

/** Looks into GGUF files, then as `selectImport`. */
export async function describeImport(files: readonly NamedFile[]): Promise<ImportSelection> {
  const found = files.filter((file) => GGUF.test(file.name));
  if (found.length === 0) return selectImport(files);
  const { ggufKindOf } = await import('../../lib/formats/gguf/gguf-kind');
  const kinds = await Promise.all(found.map(({ blob }) => ggufKindOf(blob)));
  return selectImport(files, new Set(found.filter((_, i) => kinds[i] === 'adapter')));
}

/**
 * @param files names may carry a folder (`my-model/config.json`); it becomes the suggested name
 * @param ggufAdapters those of the files that are GGUF and an adapter
 */
export function selectImport(
  files: readonly NamedFile[],
  ggufAdapters: ReadonlySet<NamedFile> = new Set(),
): ImportSelection {
  const bare = files.map((file) => ({ name: modelFileName(file.name), blob: file.blob, file }));
  const rules = rulesOf(bare, ggufAdapters);
  const names = new Set(bare.map((file) => file.name));
  const missing = rules.required.filter((name) => !names.has(name));
  return {
    kind: rules.kind,
    files: bare.filter(rules.isWanted).map(({ name, blob }) => ({ name, blob })),
    missing,
    ignored: bare.filter((file) => !rules.isWanted(file)).map((file) => file.name),
    pickles: missing.some((name) => name.endsWith('.safetensors'))
      ? [...names].filter((name) => PICKLE.test(name))
      : [],
    suggestedName: files.map((file) => folderName(file.name)).find((name) => name !== '') ?? '',
  };
}

interface BareFile extends NamedFile {
  /** As it was chosen. */
  file: NamedFile;
}

interface Rules {
  kind: ImportKind;
  required: readonly string[];
  isWanted: (file: BareFile) => boolean;
}

/** PEFT's files go first, then those of a model: an adapter's GGUF file beside a model is not part of it. */
function rulesOf(files: readonly BareFile[], ggufAdapters: ReadonlySet<NamedFile>): Rules {
  if (files.some(({ name }) => name.startsWith('adapter_'))) {
    return {
      kind: 'adapter',
      required: ADAPTER_REQUIRED,
      isWanted: ({ name }) => ADAPTER_REQUIRED.includes(name),
    };
  }
  const others = files.filter(({ file }) => !ggufAdapters.has(file)).map(({ name }) => name);
  const isModel = others.some(
    (name) => GGUF.test(name) || name.endsWith('.safetensors') || variantOf(name) !== null,
  );
  if (ggufAdapters.size > 0 && !isModel) {
    return { kind: 'adapter', required: [], isWanted: ({ file }) => ggufAdapters.has(file) };
  }
  const isGraphs = isGraphFile(files);
  return {
    kind: 'model',
    required: requiredOf(others),
    isWanted: ({ name, file }) => (isModelFile(name) || isGraphs(name)) && !ggufAdapters.has(file),
  };
}

/** A GGUF file is a whole model; an index names the files that stand for the one. */
function requiredOf(names: readonly string[]): string[] {
  if (names.includes(INDEX)) return BESIDE_WEIGHTS;
  if (!names.includes(WEIGHTS) && names.some((name) => GGUF.test(name))) return [];
  // A graph reads texts or pictures.
  if (!names.includes(WEIGHTS) && names.some((name) => variantOf(name) !== null))
    return [names.includes(PREPROCESSOR_CONFIG) ? PREPROCESSOR_CONFIG : TOKENIZER];
  return [...BESIDE_WEIGHTS, WEIGHTS];
}

function isModelFile(name: string): boolean {
  if (BESIDE_WEIGHTS.includes(name) || MODEL_OPTIONAL.includes(name) || name === INDEX) return true;
  return GGUF.test(name) || (name.endsWith('.safetensors') && !name.startsWith('adapter_'));
}

/** The graph that is taken of several, and what may hold its weights: all that is not named after another graph. */
function isGraphFile(files: readonly NamedFile[]): (name: string) => boolean {
  const choice = chooseVariant(files.map(({ name, blob }) => ({ name, sizeBytes: blob.size })));
  if (choice === null) return () => false;
  // Which of them it is is asked then, by a refusal that lists them.
  if ('undecided' in choice) return (name) => name.includes('.onnx');
  const { chosen, others } = choice;
  return (name) =>
    belongsTo(name, chosen) ||
    (/(?:[._](?:data|bin|weights?)|^[^.]*)$/.test(name) && !others.some((other) => belongsTo(name, other)));
}

function folderName(path: string): string {
  return path.split('/').at(-2) ?? '';
}
