// Sorts picked or dropped files into what an import needs, before anything is sent to the engine. Pure.
import { modelFileName, POOLING_CONFIG } from '../../core/model-file-name';
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
];
const ADAPTER_REQUIRED = ['adapter_config.json', 'adapter_model.safetensors'];

/** @param files names may carry a folder (`my-model/config.json`); it becomes the suggested name */
export function selectImport(files: readonly NamedFile[]): ImportSelection {
  const bare = files.map((file) => ({ name: modelFileName(file.name), blob: file.blob }));
  const isAdapter = bare.some((file) => file.name.startsWith('adapter_'));
  const required = isAdapter ? ADAPTER_REQUIRED : requiredOf(bare.map((file) => file.name));
  const isGraphs = isGraphFile(bare);
  const isWanted = isAdapter
    ? (name: string) => ADAPTER_REQUIRED.includes(name)
    : (name: string) => isModelFile(name) || isGraphs(name);
  const names = new Set(bare.map((file) => file.name));
  return {
    kind: isAdapter ? 'adapter' : 'model',
    files: bare.filter((file) => isWanted(file.name)),
    missing: required.filter((name) => !names.has(name)),
    ignored: bare.filter((file) => !isWanted(file.name)).map((file) => file.name),
    suggestedName: files.map((file) => folderName(file.name)).find((name) => name !== '') ?? '',
  };
}

/** A GGUF file is a whole model; an index names the files that stand for the one. */
function requiredOf(names: readonly string[]): string[] {
  if (names.includes(INDEX)) return BESIDE_WEIGHTS;
  if (!names.includes(WEIGHTS) && names.some((name) => name.endsWith('.gguf'))) return [];
  if (!names.includes(WEIGHTS) && names.some((name) => variantOf(name) !== null)) return [TOKENIZER];
  return [...BESIDE_WEIGHTS, WEIGHTS];
}

function isModelFile(name: string): boolean {
  if (BESIDE_WEIGHTS.includes(name) || MODEL_OPTIONAL.includes(name) || name === INDEX) return true;
  return name.endsWith('.gguf') || (name.endsWith('.safetensors') && !name.startsWith('adapter_'));
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
