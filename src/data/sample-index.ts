// The datasets that ship with the site, as public/samples/index.json names them.
import * as v from 'valibot';
import { AppError } from '../lib/errors';

const sampleEntry = v.object({
  id: v.string(),
  name: v.string(),
  fileName: v.pipe(v.string(), v.regex(/^[\w.-]+$/)),
});
const sampleIndex = v.array(sampleEntry);
export type SampleEntry = v.InferOutput<typeof sampleEntry>;

/** Reads a file below `samples/` of this site. */
export type ReadSampleFile = (fileName: string) => Promise<Response>;

/** @throws AppError `dataset.unknown` naming the samples there are. */
export async function findSample(id: string, read: ReadSampleFile): Promise<SampleEntry> {
  const response = await readFile('index.json', read);
  const parsed = v.safeParse(sampleIndex, await response.json());
  const entries = parsed.success ? parsed.output : [];
  const entry = entries.find((candidate) => candidate.id === id);
  if (entry !== undefined) return entry;
  const known = entries.map((candidate) => candidate.id).join(', ');
  throw new AppError('dataset.unknown', `There is no sample dataset "${id}"; there are: ${known}.`, {
    remedy: 'Reload the page to get the present list of samples.',
    details: { id },
  });
}

export async function readSampleBlob(entry: SampleEntry, read: ReadSampleFile): Promise<Blob> {
  return (await readFile(entry.fileName, read)).blob();
}

async function readFile(fileName: string, read: ReadSampleFile): Promise<Response> {
  const response = await read(fileName);
  if (response.ok) return response;
  throw new AppError('storage.missing', `samples/${fileName} answered ${response.status}.`, {
    remedy: 'Reload the page once with the network on.',
    details: { fileName, status: response.status },
  });
}
