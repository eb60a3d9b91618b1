// The list of datasets that ship with the app: public/samples/index.json, parsed once, never trusted.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';

const SampleEntry = v.object({
  id: v.string(),
  name: v.string(),
  fileName: v.string(),
  description: v.object({ en: v.string(), es: v.string() }),
  samples: v.number(),
  format: v.string(),
});
const SampleList = v.array(SampleEntry);

export type SampleDataset = v.InferOutput<typeof SampleEntry>;

/** @throws AppError `storage.missing` where the list is not there or is not one. */
export async function readSampleDatasets(baseUrl: string): Promise<SampleDataset[]> {
  const response = await fetch(`${baseUrl}samples/index.json`);
  const parsed = response.ok ? v.safeParse(SampleList, await response.json().catch(() => null)) : null;
  if (parsed?.success === true) return parsed.output;
  throw new AppError('storage.missing', `The list of sample datasets answered ${response.status}.`, {
    remedy: 'Reload the page; if it stays, open it once with the network on.',
  });
}
