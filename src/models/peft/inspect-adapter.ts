// What a user's files for an adapter are, before anything is stored: PEFT's two files or one GGUF file, and that they fit the
// base. What is stored has one form, whatever came in.
import { readGgufAdapter } from '../decoder/gguf/gguf-adapter';
import type { ModelFamily, ModelPlan } from '../model-family';
import { sourceOfFiles } from '../reading/model-source';
import type { LoraConfig, ModelRecord, NamedFile } from '../../protocol/models';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, badWeights } from './adapter-faults';
import { encodeAdapter } from './encode-adapter';
import { readPeftAdapter } from './read-peft-adapter';

export interface AdapterInspection {
  lora: LoraConfig;
  /** What is to be stored. */
  files: NamedFile[];
}

/**
 * @throws AppError `adapter.bad-config`, `adapter.base-mismatch`, `model.bad-header`, `model.truncated`,
 * `model.unsupported`.
 */
export async function inspectAdapter(
  files: readonly NamedFile[],
  base: ModelRecord,
  { family, plan }: { family: ModelFamily; plan: ModelPlan },
): Promise<AdapterInspection> {
  const gguf = ggufOf(files);
  if (gguf !== null) {
    const { lora, arrays } = await readGgufAdapter(gguf, plan.decoder, family.gguf);
    return { lora, files: encodeAdapter(arrays, lora, base) };
  }
  refusePickle(files);
  const source = sourceOfFiles(files);
  const config = await source.need(ADAPTER_CONFIG);
  const weights = await source.need(ADAPTER_WEIGHTS);
  const { lora, arrays } = await readPeftAdapter(await config.text(), weights, base, plan);
  if (arrays !== null) return { lora, files: encodeAdapter(arrays, lora, base) };
  return {
    lora,
    files: [
      { name: ADAPTER_WEIGHTS, blob: weights },
      { name: ADAPTER_CONFIG, blob: config },
    ],
  };
}

/** @throws AppError `adapter.bad-config` for several. */
function ggufOf(files: readonly NamedFile[]): Blob | null {
  if (files.some(({ name }) => name === ADAPTER_WEIGHTS)) return null;
  const found = files.filter(({ name }) => /\.gguf$/i.test(name));
  const [first, second] = found;
  if (second !== undefined) {
    const names = found.map(({ name }) => name).join(', ');
    throw badWeights(`there are ${found.length} GGUF files: ${names}`, 'Choose one of them.');
  }
  return first?.blob ?? null;
}

function refusePickle(files: readonly NamedFile[]): void {
  const pickle = files.find(({ name }) => /\.(bin|pt|pth|pkl)$/i.test(name));
  if (pickle === undefined || files.some(({ name }) => name === ADAPTER_WEIGHTS)) return;
  throw badWeights(
    `${pickle.name} is a pickle: a program that runs when it is read, which nothing here does`,
    'Open it with PEFT and save it again with safe_serialization=True, which writes adapter_model.safetensors.',
    { file: pickle.name },
  );
}
