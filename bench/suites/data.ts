// Data on its way to training: the first batch of a large file, the whole of it, tokens beside the library alone, what a
// training waits for, listings of very many files, near duplicates. Each stands in the JSON line under a name of its own.
import type { Page } from 'playwright';
import { BucketServer } from '../bucket-server';
import type { Listing } from '../page/listings';
import { PageSession } from '../page-session';
import { adapterLabel, type Cell, type SuiteResult } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { WorkerMemory } from '../worker-memory';

interface Sizes {
  fileBytes: number;
  files: number;
  texts: number;
  /** Samples of about a kilobyte that are tokenised. */
  slice: number;
  /** Turns of ours and the library's. */
  turns: number;
  steps: number;
}

const FULL: Sizes = {
  ...{ fileBytes: 1e9, files: 100_000, texts: 100_000, slice: 4000, turns: 3, steps: 20 },
};
/** Every case in less than a minute; above 16 MB a dataset is read as a large one is. */
const QUICK: Sizes = { fileBytes: 24e6, files: 5000, texts: 5000, slice: 300, turns: 1, steps: 2 };
const PREFETCH = 4;
const FURTHER_BATCHES = 50;

interface Measured {
  rows: Record<string, Cell>[];
  ratios: SuiteResult['ratios'];
  figures: NonNullable<SuiteResult['figures']>;
}

const speed = ({ bytes, milliseconds }: { bytes: number; milliseconds: number }) =>
  bytes / 1e3 / milliseconds;

async function largeFile(page: Page, { fileBytes, slice }: Sizes): Promise<Measured> {
  const stored = await page.evaluate((bytes) => bench.storeData(bytes), fileBytes);
  const first = await page.evaluate((further) => bench.firstBatch(further), FURTHER_BATCHES);
  await page.evaluate(() => bench.openStreaming());
  const memory = await WorkerMemory.watch(page);
  const { read, tokenised } = await page.evaluate((count) => bench.streamData(count), slice);
  const workerPeakBytes = await memory.stop();
  await page.evaluate(() => bench.closeStreaming());
  const row = {
    measure: 'large file',
    'MB of the file': stored.sizeBytes / 1e6,
    samples: stored.samples,
    'ms to the first batch': first.milliseconds,
    'ms of a further one': first.batchMs,
    'MB/s read': speed(read),
    'MB/s read and tokenised': speed(tokenised),
    'MB of the worker at most': workerPeakBytes / 1e6,
  };
  const figures = { firstBatchMs: first.milliseconds, workerPeakBytes };
  return { rows: [row], ratios: {}, figures };
}

/** `tokenizer` is time over time, as it was asked for: below 1.5 is the goal, and more is worse. */
async function tokens(page: Page, { slice, turns }: Sizes): Promise<Measured> {
  const { bytes, libraryMs, oursMs } = await page.evaluate(
    ([slice, turns]) => bench.compareTokenizers(slice, turns),
    [slice, turns] as const,
  );
  const one = await page.evaluate((slice) => bench.tokeniseIn(1, slice), slice);
  const two = await page.evaluate((slice) => bench.tokeniseIn(2, slice), slice);
  const { made, readBack } = await page.evaluate((slice) => bench.tokensReadBack(slice), slice);
  const row = {
    measure: 'tokens',
    'MB/s, library alone': bytes / 1e3 / libraryMs,
    'MB/s, ours': bytes / 1e3 / oursMs,
    'MB/s, one worker': one,
    'MB/s, two workers': two,
    'MB/s, made and kept': speed(made),
    'MB/s, read back': speed(readBack),
  };
  const ratios = {
    tokenizer: oursMs / libraryMs,
    secondWorker: two / one,
    readBack: speed(readBack) / speed(made),
  };
  return { rows: [row], ratios, figures: { tokenMBs: bytes / 1e3 / oursMs } };
}

async function waiting(page: Page, { steps }: Sizes): Promise<Measured> {
  const share = (prefetch: number): Promise<number> =>
    page.evaluate(([prefetch, steps]) => bench.dataWait(prefetch, steps), [prefetch, steps] as const);
  const dataWaitShare = await share(PREFETCH);
  const without = await share(0);
  const row = {
    measure: 'training waits',
    'share, 4 batches ahead': dataWaitShare,
    'share, none ahead': without,
  };
  return { rows: [row], ratios: {}, figures: { dataWaitShare, dataWaitShareWithoutPrefetch: without } };
}

async function listings(page: Page, { files }: Sizes): Promise<Measured> {
  const server = await BucketServer.start(files);
  try {
    const folder = await page.evaluate((files) => bench.listFolder(files), files);
    const bucket = await page.evaluate((settings) => bench.listBucket(settings), server.settings);
    const row = (measure: string, listing: Listing) => ({
      measure,
      files: listing.files,
      'ms to the preview': listing.previewMs,
      'ms to list all': listing.allMs,
    });
    const previewMs = { folder: folder.previewMs, bucket: bucket.previewMs };
    return {
      ...{ rows: [row('folder', folder), row('bucket', bucket)], ratios: {}, figures: { previewMs } },
    };
  } finally {
    await server.stop();
  }
}

async function nearDuplicates(page: Page, { texts }: Sizes): Promise<Measured> {
  const found = await page.evaluate((count) => bench.searchDuplicates(count), texts);
  const row = {
    measure: 'near duplicates',
    texts: found.texts,
    seconds: found.milliseconds / 1000,
    groups: found.groups,
    'pairs looked at': found.pairs,
    recall: found.recall,
  };
  const figures = { nearDuplicates: { recall: found.recall, seconds: found.milliseconds / 1000 } };
  return { rows: [row], ratios: {}, figures };
}

export async function dataSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const { page } = session;
    const device = await page.evaluate(() => bench.select('webgpu'));
    const all: Measured = { rows: [], ratios: {}, figures: {} };
    for (const measure of [largeFile, tokens, waiting, listings, nearDuplicates]) {
      const { rows, ratios, figures } = await measure(page, quick ? QUICK : FULL);
      for (const row of rows) console.error(Object.values(row).join('  '));
      all.rows.push(...rows);
      Object.assign(all.ratios, ratios);
      Object.assign(all.figures, figures);
    }
    await page.evaluate(() => bench.removeData());
    return {
      result: { suite: 'data', adapter: adapterLabel(device), ...all },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
