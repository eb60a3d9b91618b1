// What the vectors of an installed encoder depend on, as one text: its weights, its tokenizer, how it pools, where it cuts. The
// files tell it, not the name that it was given here: the same files elsewhere make the same vectors.
import { sha256 } from 'hash-wasm';
import type { BlobStore } from '../lib/storage/blob-store';
import type { EncoderIdentity } from '../protocol/encoding';
import type { ModelRecord } from '../protocol/models';
import { readModelFile } from './model-files';
import { POOLING_CONFIG } from './model-file-name';

/** Raised where the same files come to other vectors than before. */
const COMPUTED_AS = '1';

/** Files by what they decide; a model without one has an empty text for it. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  config: ['config.json'],
  tokenizer: ['tokenizer.json', 'tokenizer_config.json'],
  pooling: [POOLING_CONFIG, 'modules.json'],
  limits: ['sentence_bert_config.json'],
  pictures: ['preprocessor_config.json'],
};

export async function readEncoderIdentity(model: ModelRecord, blobs: BlobStore): Promise<EncoderIdentity> {
  const textOf = async (name: string): Promise<string> =>
    (await (await readModelFile(model, name, blobs))?.text()) ?? '';
  const read = Object.entries(PARTS).map(async ([part, names]) => {
    const texts = await Promise.all(names.map(textOf));
    return [part, await sha256(JSON.stringify(texts))] as const;
  });
  const weights = await sha256(JSON.stringify([model.fingerprint, model.variant ?? '']));
  const parts = Object.fromEntries([['weights', weights] as const, ...(await Promise.all(read))]);
  const revision = await sha256(JSON.stringify([COMPUTED_AS, ...Object.values(parts)]));
  return { modelId: model.id, name: model.name, revision, parts };
}
