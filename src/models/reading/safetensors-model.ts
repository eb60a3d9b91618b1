// A model whose weights are one safetensors file, or several with an index, and whose configuration lies beside them.
import { AppError } from '../../lib/errors';
import type { NamedFile } from '../../protocol/models';
import type { ModelFamilies } from '../model-family';
import { openWeights } from '../weights-file';
import { readJson, type ModelSource } from './model-source';
import type { OpenedWeights } from './opened-model';
import { parseSafetensorsIndex } from './safetensors-index';
import { CONFIG, WEIGHTS, WEIGHTS_INDEX } from './weight-files';

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, `storage.missing`. */
export async function openSafetensorsModel(
  source: ModelSource,
  families: ModelFamilies,
): Promise<OpenedWeights> {
  const { family, plan } = families.plan(await readJson(CONFIG, await source.need(CONFIG)));
  const { weights, fileOf, beside } = await findWeights(source);
  const opened = await openWeights({ files: weights, fileOf }, plan.weightShapes());
  return {
    format: 'safetensors',
    family,
    plan,
    read: plan.decoderReader(opened.read),
    precision: opened.precision,
    license: opened.metadata['license'] ?? null,
    weights,
    beside: () => beside,
  };
}

/** One file, or all that the index names. */
async function findWeights(source: ModelSource): Promise<{
  weights: NamedFile[];
  fileOf: ReadonlyMap<string, string> | null;
  beside: NamedFile[];
}> {
  const single = await source.find(WEIGHTS);
  if (single !== null) return { weights: [{ name: WEIGHTS, blob: single }], fileOf: null, beside: [] };
  const index = await source.find(WEIGHTS_INDEX);
  if (index === null) {
    // Complains about the one file that most models have.
    return { weights: [{ name: WEIGHTS, blob: await source.need(WEIGHTS) }], fileOf: null, beside: [] };
  }
  const { files, fileOf } = parseSafetensorsIndex(await readJson(WEIGHTS_INDEX, index));
  const weights: NamedFile[] = [];
  for (const name of files) weights.push({ name, blob: await shard(source, name, files.length) });
  return { weights, fileOf, beside: [{ name: WEIGHTS_INDEX, blob: index }] };
}

async function shard(source: ModelSource, name: string, count: number): Promise<Blob> {
  const blob = await source.find(name);
  if (blob !== null) return blob;
  throw new AppError(
    'model.unsupported',
    `${name} is missing, one of the ${count} files that hold the weights.`,
    {
      details: { file: name },
      remedy: `Choose ${name} together with the other files of the model.`,
    },
  );
}
