// The tables of a dataset's split: those that the hub makes of every dataset (`/parquet` of its service), or, at a revision,
// those that lie in the repository. It asks and chooses; it opens no file.
import * as v from 'valibot';
import type { HubDataset } from './hub-dataset';
import { ambiguousError, badAnswerError, noPartError } from './hub-data-errors';
import type { HubRequests } from './hub-requests';

export interface HubTables {
  tables: HubTable[];
  /** There is more of the dataset than these. */
  partial: boolean;
}

export interface HubTable {
  path: string;
  url: string;
  sizeBytes: number;
}

const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const convertedSchema = v.object({
  /** The hub converted only the first part of a large dataset. */
  partial: v.optional(v.boolean(), false),
  parquet_files: v.array(
    v.object({
      config: v.string(),
      split: v.string(),
      url: v.pipe(v.string(), v.url()),
      filename: v.string(),
      size: bytes,
    }),
  ),
});
const treeSchema = v.array(v.object({ type: v.string(), path: v.string(), size: v.optional(bytes, 0) }));
type Converted = v.InferOutput<typeof convertedSchema>['parquet_files'];

/** More files than that are no split. */
const MOST_PAGES = 100;

/** @throws AppError `backend.*`, `config.invalid` where several configurations leave it open; the signal's reason. */
export async function listHubFiles(
  requests: HubRequests,
  dataset: HubDataset,
  signal: AbortSignal,
): Promise<HubTables> {
  const { revision } = dataset;
  if (revision === null) return listConverted(requests, dataset, signal);
  return { tables: await listTree(requests, dataset, revision, signal), partial: false };
}

async function listConverted(
  requests: HubRequests,
  dataset: HubDataset,
  signal: AbortSignal,
): Promise<HubTables> {
  const url = `${requests.endpoints.datasetsServer}/parquet?dataset=${encodeURIComponent(dataset.name)}`;
  const { value } = await requests.json(url, convertedSchema, signal);
  const config = chooseConfig(dataset, value.parquet_files);
  const ofConfig = value.parquet_files.filter((file) => file.config === config);
  const files = ofConfig.filter(({ split }) => split === dataset.split);
  if (files.length === 0) throw noPartError(dataset, 'split', distinct(ofConfig.map(({ split }) => split)));
  const tables = files.map((file) => ({
    path: [file.config, file.split, file.filename].map(pathPart).join('/'),
    url: file.url,
    sizeBytes: file.size,
  }));
  return { tables, partial: value.partial };
}

function chooseConfig(dataset: HubDataset, files: Converted): string {
  const known = distinct(files.map(({ config }) => config));
  const [first] = known;
  if (dataset.config === null && known.length > 1 && !known.includes('default'))
    throw ambiguousError(dataset, known);
  const chosen = dataset.config ?? (known.includes('default') ? 'default' : first);
  if (chosen === undefined || !known.includes(chosen)) throw noPartError(dataset, 'configuration', known);
  return chosen;
}

async function listTree(
  requests: HubRequests,
  dataset: HubDataset,
  revision: string,
  signal: AbortSignal,
): Promise<HubTable[]> {
  const { hub } = requests.endpoints;
  const at = encodeURIComponent(revision);
  const tables: HubTable[] = [];
  let url: string | null = `${hub}/api/datasets/${dataset.name}/tree/${at}?recursive=true`;
  for (let page = 0; url !== null; page++) {
    if (page === MOST_PAGES)
      throw badAnswerError(new URL(hub).host, `more than ${MOST_PAGES} pages of files`);
    const answer: { value: v.InferOutput<typeof treeSchema>; next: string | null } = await requests.json(
      url,
      treeSchema,
      signal,
    );
    for (const { type, path, size } of answer.value) {
      if (type !== 'file' || !path.toLowerCase().endsWith('.parquet')) continue;
      const place = path.split('/').map(encodeURIComponent).join('/');
      tables.push({ path, url: `${hub}/datasets/${dataset.name}/resolve/${at}/${place}`, sizeBytes: size });
    }
    url = answer.next;
  }
  return ofSplit(dataset, tables);
}

/** By the names of files and folders, as the hub itself tells splits: `data/train-00000-of-00004.parquet`, `en/train/0.parquet`. */
function ofSplit(dataset: HubDataset, tables: HubTable[]): HubTable[] {
  const { config, split } = dataset;
  const ofConfig = tables.filter(({ path }) => config === null || path.split('/').includes(config));
  if (ofConfig.length === 0) throw noPartError(dataset, 'configuration', folders(tables));
  const named = ofConfig.filter(({ path }) => words(path).includes(split.toLowerCase()));
  if (named.length > 0) return named;
  // Files that name no split at all are the training part.
  const silent = ofConfig.every(({ path }) => !words(path).some((word) => SPLITS.has(word)));
  if (silent && split === 'train') return ofConfig;
  throw noPartError(dataset, 'split', distinct(ofConfig.map(({ path }) => path)).slice(0, 10));
}

const SPLITS = new Set([
  'train',
  'training',
  'validation',
  'valid',
  'val',
  'dev',
  'test',
  'testing',
  'eval',
  'evaluation',
]);

const words = (path: string): string[] =>
  path
    .toLowerCase()
    .replace(/\.parquet$/, '')
    .split(/[^\p{L}\p{N}_]+/u);
const distinct = (names: readonly string[]): string[] => [...new Set(names)];
const folders = (tables: readonly HubTable[]): string[] =>
  distinct(tables.map(({ path }) => path.split('/')[0] ?? '')).slice(0, 10);

/** Names of configurations are the dataset's own: a slash in one is no folder. */
function pathPart(name: string): string {
  const part = name.replaceAll(/[/\\\0]/g, '_');
  return part === '' || part === '.' || part === '..' ? `_${part}` : part;
}
