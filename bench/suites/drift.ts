// Whether a long training slows down or grows: a thousand steps on plans. The last tenth runs in turns with the first tenth
// of the same training on a fresh page, so that the load on the machine is the same for both: between the first minute and
// the last it is not. Bytes are those of all buffers on the device, after the first tenth and at the end.
import type { Page } from 'playwright';
import type { DeviceReport } from '../../src/protocol/engine';
import { MICRO, type TrainCase } from '../cases';
import type { StepFigures } from '../page/main';
import { PageSession } from '../page-session';
import { adapterLabel, median, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { closeTrainer, openTrainer, stepTrainer } from '../trainers';

const TEST: TrainCase = { name: 'MICRO', config: MICRO, method: 'full', rows: 1, length: 32 };

const TENTHS = 10;
/** Compile and warm caches; they are not of the first tenth. */
const WARM_UP = 5;
/** The last tenth and the fresh first one take turns so many times. */
const TURNS = 10;

interface DriftRow extends Record<string, Cell> {
  'tokens/s': number;
  'GPU bytes': number;
}

async function open(page: Page): Promise<DeviceReport> {
  const device = await page.evaluate(() => bench.select('webgpu'));
  await openTrainer(page, 'planned', TEST);
  await stepTrainer(page, 'planned', WARM_UP);
  return device;
}

async function rowOf(page: Page, steps: string, figures: readonly StepFigures[]): Promise<DriftRow> {
  const { bytes } = await page.evaluate(() => bench.bytes('planned'));
  return {
    steps,
    'tokens/s': (1000 * TEST.length) / median(figures.map(({ milliseconds }) => milliseconds)),
    loss: median(figures.map(({ loss }) => loss)),
    'GPU bytes': bytes,
  };
}

async function measure(page: Page, fresh: Page, tenth: number) {
  const rows: DriftRow[] = [];
  for (let index = 0; index < TENTHS - 1; index += 1) {
    const name = `${index * tenth + 1} to ${(index + 1) * tenth}`;
    rows.push(await rowOf(page, name, await stepTrainer(page, 'planned', tenth)));
  }
  await open(fresh);
  const [aged, young]: [StepFigures[], StepFigures[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const steps = Math.ceil(tenth / TURNS);
    aged.push(...(await stepTrainer(page, 'planned', steps)));
    young.push(...(await stepTrainer(fresh, 'planned', steps)));
  }
  const last = await rowOf(page, `${(TENTHS - 1) * tenth + 1} to ${TENTHS * tenth}`, aged);
  const first = await rowOf(fresh, `1 to ${tenth}, in turns with the last`, young);
  rows.push(last, first);
  const ratios = {
    tokensPerSecondDrift: last['tokens/s'] / first['tokens/s'] - 1,
    gpuBytesGrowth: last['GPU bytes'] / (rows[0]?.['GPU bytes'] ?? Number.NaN) - 1,
  };
  return { rows, ratios };
}

export async function driftSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  const { page } = session;
  try {
    const device = await open(page);
    const measured = await measure(page, await session.another(), quick ? 10 : 100);
    await closeTrainer(page, 'planned');
    return {
      result: { suite: 'drift', adapter: adapterLabel(device), ...measured },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
