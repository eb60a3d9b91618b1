// Whether a long training slows down or grows: a thousand steps on plans, speed of the last tenth against the first,
// bytes of all buffers on the device after the first tenth and at the end. Drift is that of the undisturbed steps: what
// else the machine does shows in the median, a training that ages shows in all steps.
import { MICRO, type TrainCase } from '../cases';
import { PageSession } from '../page-session';
import { adapterLabel, median, quantile, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { closeTrainer, openTrainer, stepTrainer } from '../trainers';

const TEST: TrainCase = { name: 'MICRO', config: MICRO, method: 'full', rows: 1, length: 32 };

/** Compile and warm caches; they are not of the first tenth. */
const WARM_UP = 5;
/** Share of steps that are at least as fast as those that count as undisturbed. */
const UNDISTURBED = 0.1;

interface DriftRow extends Record<string, Cell> {
  'tokens/s, undisturbed': number;
  'GPU bytes': number;
}

export async function driftSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  const { page } = session;
  try {
    const device = await page.evaluate(() => bench.select('webgpu'));
    const tenth = quick ? 6 : 100;
    await openTrainer(page, 'planned', TEST);
    await stepTrainer(page, 'planned', WARM_UP);
    const rows: DriftRow[] = [];
    for (let index = 0; index < 10; index += 1) {
      const figures = await stepTrainer(page, 'planned', tenth);
      const { bytes } = await page.evaluate(() => bench.bytes('planned'));
      const times = figures.map(({ milliseconds }) => milliseconds);
      rows.push({
        steps: `${index * tenth + 1} to ${(index + 1) * tenth}`,
        'tokens/s, median': (1000 * TEST.length) / median(times),
        'tokens/s, undisturbed': (1000 * TEST.length) / quantile(times, UNDISTURBED),
        loss: median(figures.map(({ loss }) => loss)),
        'GPU bytes': bytes,
      });
    }
    await closeTrainer(page, 'planned');
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) throw new Error('Nothing was measured.');
    return {
      result: {
        suite: 'drift',
        adapter: adapterLabel(device),
        rows,
        ratios: {
          tokensPerSecondDrift: last['tokens/s, undisturbed'] / first['tokens/s, undisturbed'] - 1,
          gpuBytesGrowth: last['GPU bytes'] / first['GPU bytes'] - 1,
        },
      },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
