// What a choice's model is, read on the hub before its weights are fetched: its config.json, or the header of its GGUF file
// by ranges. Nothing is stored.
import { AppError } from '../../lib/errors';
import type { HubDownloadRequest, HubFile } from '../../protocol/hub';
import type { GgufForm } from '../decoder/gguf/gguf-form';
import { openGguf } from '../decoder/gguf/gguf-weights';
import type { HubClient } from './hub-client';

/** A configuration of that size is none. */
const MOST_CONFIG_BYTES = 4 * 2 ** 20;

/** @param forms of GGUF that can be read; asked for only then. @throws AppError `hub.*`, `download.*`, `model.*`. */
export async function readModelConfig(
  client: HubClient,
  { repositoryId, commit, choice }: HubDownloadRequest,
  token: string | null,
  forms: () => Promise<readonly GgufForm[]>,
): Promise<string> {
  const open = (file: HubFile): Blob => client.openFile({ repositoryId, commit, file }, token);
  if (choice.format !== 'gguf') {
    const config = fileOf(choice.files, (path) => path === 'config.json', repositoryId);
    if (config.sizeBytes > MOST_CONFIG_BYTES) throw tooLarge(config);
    return open(config).text();
  }
  const weights = fileOf(choice.files, (path) => path.endsWith('.gguf'), repositoryId);
  return JSON.stringify((await openGguf(open(weights), await forms())).configJson);
}

function fileOf(files: readonly HubFile[], is: (path: string) => boolean, repositoryId: string): HubFile {
  const file = files.find(({ path }) => is(path));
  if (file !== undefined) return file;
  throw new AppError('hub.no-model', `There is nothing in ${repositoryId} that describes the model.`, {
    details: { repositoryId },
    remedy: 'Look it up again: it may have been changed meanwhile.',
  });
}

function tooLarge({ path, sizeBytes }: HubFile): AppError {
  return new AppError('model.unsupported', `${path} has ${sizeBytes} bytes: that is no configuration.`, {
    details: { path, sizeBytes },
    remedy: 'Choose another repository.',
  });
}
