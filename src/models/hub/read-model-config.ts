// What a choice's model is, read on the hub before its weights are fetched: its config.json, or the headers of its GGUF file
// or of the parts of one, by ranges. Nothing is stored.
import { joinRemote } from '../../lib/download/remote-file';
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
  const first = fileOf(choice.files, (path) => path.endsWith('.gguf'), repositoryId);
  const parts = choice.files.filter(({ path }) => path.endsWith('.gguf'));
  const find = (number: number, count: number): Promise<Blob> => {
    const part = parts[number - 1];
    return part === undefined
      ? Promise.reject(missingPart(first, number, count))
      : Promise.resolve(open(part));
  };
  const opened = await openGguf(open(first), await forms(), { find, join: joinRemote });
  return JSON.stringify(opened.configJson);
}

function fileOf(files: readonly HubFile[], is: (path: string) => boolean, repositoryId: string): HubFile {
  const file = files.find(({ path }) => is(path));
  if (file !== undefined) return file;
  throw new AppError('hub.no-model', `There is nothing in ${repositoryId} that describes the model.`, {
    details: { repositoryId },
    remedy: 'Look it up again: it may have been changed meanwhile.',
  });
}

function missingPart({ path }: HubFile, number: number, count: number): AppError {
  return new AppError('hub.no-model', `${path} is one of ${count} parts, and part ${number} is not there.`, {
    details: { path, number, count },
    remedy: 'Look for another file of the model that is whole.',
  });
}

function tooLarge({ path, sizeBytes }: HubFile): AppError {
  return new AppError('model.unsupported', `${path} has ${sizeBytes} bytes: that is no configuration.`, {
    details: { path, sizeBytes },
    remedy: 'Choose another repository.',
  });
}
