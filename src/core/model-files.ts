// Reads one file of an installed model, wherever it lies. Any realm may use it; weights are only read by the engine.
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import { parseTokenizerJson } from '../lib/text/tokenizer-config';
import type { ModelRecord, TokenizerFiles } from '../protocol/models';

const TEMPLATE = 'chat_template.jinja';

/** @returns null where the model has no such file. */
export async function readModelFile(
  model: ModelRecord,
  name: string,
  blobs: BlobStore,
): Promise<Blob | null> {
  if (model.location.kind === 'blob') return blobs.read(`${model.location.folder}/${name}`);
  const response = await fetch(`${model.location.baseUrl}/${name}`);
  if (response.status === 404) return null;
  if (!response.ok) {
    throw new AppError('storage.missing', `${name} of ${model.name} answered ${response.status}.`, {
      remedy: 'Reload the page; if it stays, open it once with the network on.',
    });
  }
  return response.blob();
}

/** @throws AppError `model.unsupported` where there is no tokenizer.json. */
export async function readTokenizerFiles(model: ModelRecord, blobs: BlobStore): Promise<TokenizerFiles> {
  const [tokenizer, config] = await Promise.all([
    readModelFile(model, 'tokenizer.json', blobs),
    readModelFile(model, 'tokenizer_config.json', blobs),
  ]);
  if (tokenizer === null) {
    throw new AppError('model.unsupported', `${model.name} has no tokenizer.json.`, {
      remedy: 'Import the model again together with its tokenizer.json.',
    });
  }
  const tokenizerConfigJson = config === null ? '{}' : await config.text();
  const template = await readTemplate(model, tokenizerConfigJson, blobs);
  return {
    tokenizerJson: await tokenizer.text(),
    tokenizerConfigJson:
      template === null ? tokenizerConfigJson : withTemplate(tokenizerConfigJson, template),
  };
}

/** Newer models have their template in a file of its own; asked for only where the configuration has none. */
async function readTemplate(
  model: ModelRecord,
  tokenizerConfigJson: string,
  blobs: BlobStore,
): Promise<string | null> {
  if (tokenizerConfigJson.includes('"chat_template"') || model.location.kind === 'url') return null;
  const template = await readModelFile(model, TEMPLATE, blobs);
  return template === null ? null : template.text();
}

function withTemplate(tokenizerConfigJson: string, template: string): string {
  const config = parseTokenizerJson(tokenizerConfigJson, 'tokenizer_config.json');
  return JSON.stringify({ ...config, chat_template: template });
}
