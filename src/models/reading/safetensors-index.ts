// model.safetensors.index.json: which of several files each array lies in. Checked before any of the names is looked up:
// they are names of files beside the index, and nothing else.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import { WEIGHTS_INDEX } from './weight-files';

const MAX_SHARDS = 1024;
/** A name that begins with a letter or digit: no folders, no `..`, nothing hidden. */
const SHARD_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,180}\.safetensors$/;

const schema = v.object({ weight_map: v.record(v.string(), v.string()) });

function badIndex(fact: string, details: Record<string, unknown> = {}): AppError<'model.bad-header'> {
  return new AppError('model.bad-header', `${WEIGHTS_INDEX} is not valid: ${fact}.`, {
    details,
    remedy: 'Download the file again from where it came.',
  });
}

export interface SafetensorsIndex {
  /** By the array's name. */
  fileOf: ReadonlyMap<string, string>;
  /** Each file once, sorted. */
  files: string[];
}

/** @throws AppError `model.bad-header` naming what is wrong. */
export function parseSafetensorsIndex(json: unknown): SafetensorsIndex {
  const result = v.safeParse(schema, json);
  if (!result.success) throw badIndex('weight_map does not map names of arrays to names of files');
  const fileOf = new Map(Object.entries(result.output.weight_map));
  const files = [...new Set(fileOf.values())].sort();
  if (files.length === 0) throw badIndex('weight_map is empty');
  if (files.length > MAX_SHARDS)
    throw badIndex(`it names ${files.length} files, at most ${MAX_SHARDS} can be`);
  const bad = files.find((name) => !SHARD_NAME.test(name) || name.includes('..'));
  if (bad !== undefined) {
    throw badIndex(`${JSON.stringify(bad.slice(0, 200))} is not the name of a safetensors file beside it`, {
      name: bad.slice(0, 200),
    });
  }
  return { fileOf, files };
}
