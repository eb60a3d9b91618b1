// Training speed, LoRA and full: ours on plans against one tape of plain tfjs and against jax-js, all on WebGPU, in turns;
// ours on tfjs's wasm backend as a row beside them. All start from the same weights: their losses must agree.
import type { Page } from 'playwright';
import type { DeviceReport } from '../../src/protocol/engine';
import { trainCases, type EngineName, type TrainCase } from '../cases';
import type { StepFigures } from '../page/main';
import { PageSession } from '../page-session';
import { adapterLabel, median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { closeTrainer, openTrainer, stepTrainer } from '../trainers';
import { checkLosses } from './loss-check';

const LABELS: Record<EngineName, string> = {
  planned: 'fragua, planned, webgpu',
  tfjs: 'tfjs tape, webgpu',
  jaxjs: 'jax-js, webgpu',
  eager: 'fragua, eager, wasm',
};
const SIDE_BY_SIDE = ['planned', 'tfjs', 'jaxjs'] as const;

const TURNS = 3;

/** How often each engine steps. */
interface Schedule {
  /** Compile; they count for the losses, not for the speed. */
  warmUp: number;
  /** In each turn. */
  steps: number;
  turns: number;
}

interface Measured {
  warmUp: number;
  figures: StepFigures[];
}

/** One tape step takes ten seconds on a software adapter: in a quick run a short batch makes it compile instead. */
function scheduleOf(engine: EngineName, quick: boolean): Schedule {
  if (engine === 'tfjs') return { warmUp: quick ? 0 : 1, steps: 1, turns: quick ? 1 : TURNS };
  return { warmUp: 1, steps: engine === 'planned' ? 3 : 1, turns: TURNS };
}

async function compileOnShortBatch(page: Page, test: TrainCase): Promise<void> {
  await openTrainer(page, 'tfjs', { ...test, rows: 2, length: 16 });
  await stepTrainer(page, 'tfjs', 1);
  await closeTrainer(page, 'tfjs');
}

/** What the app does when its user asks for it: the plans that are timed are made of the variants it found. */
async function tuneKernels(page: Page, test: TrainCase): Promise<void> {
  await openTrainer(page, 'planned', test);
  await stepTrainer(page, 'planned', 1);
  await closeTrainer(page, 'planned');
  await page.evaluate(() => bench.tune());
}

/** Turns, one engine after the other, so that all see the same load on the machine. */
async function inTurns(
  page: Page,
  test: TrainCase,
  engines: readonly EngineName[],
  quick: boolean,
): Promise<Map<EngineName, Measured>> {
  const measured = new Map<EngineName, Measured>();
  for (const engine of engines) {
    const { warmUp } = scheduleOf(engine, quick);
    if (warmUp === 0) await compileOnShortBatch(page, test);
    await openTrainer(page, engine, test);
    measured.set(engine, { warmUp, figures: await stepTrainer(page, engine, warmUp) });
  }
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [engine, { figures }] of measured) {
      const { steps, turns } = scheduleOf(engine, quick);
      if (turn < turns) figures.push(...(await stepTrainer(page, engine, steps)));
    }
  }
  for (const engine of engines) await closeTrainer(page, engine);
  return measured;
}

function speed({ rows, length }: TrainCase, { warmUp, figures }: Measured): number {
  return (1000 * rows * length) / median(figures.slice(warmUp).map(({ milliseconds }) => milliseconds));
}

const row = (test: TrainCase, engine: EngineName, measured: Measured) => ({
  shape: test.name,
  method: test.method,
  engine: LABELS[engine],
  'tokens/s': speed(test, measured),
  'timed steps': measured.figures.length - measured.warmUp,
  'first loss': measured.figures[0]?.loss ?? null,
  'fourth loss': measured.figures[3]?.loss ?? null,
});

/** One after the other: tfjs has one backend at a time. Ours on wasm is compared in losses, and shown. */
async function measureAll(
  page: Page,
  quick: boolean,
  cases: readonly TrainCase[],
): Promise<Pick<SuiteRun['result'], 'rows' | 'ratios'>> {
  const rows: SuiteRun['result']['rows'] = [];
  const ratios: Record<string, number> = {};
  const ours = new Map<TrainCase, StepFigures[]>();
  const note = (test: TrainCase, engine: EngineName, measured: Measured) => {
    rows.push(row(test, engine, measured));
    console.error(Object.values(rows.at(-1) ?? {}).join('  '));
  };
  for (const test of cases) {
    if (!quick) await tuneKernels(page, test);
    const all = await inTurns(page, test, SIDE_BY_SIDE, quick);
    for (const [engine, measured] of all) note(test, engine, measured);
    const planned = all.get('planned') as Measured;
    ours.set(test, planned.figures);
    for (const [engine, measured] of all) {
      checkLosses(test, planned.figures, engine, measured.figures);
      if (engine !== 'planned') {
        ratios[`${test.name}.${test.method}.${engine}`] = speed(test, planned) / speed(test, measured);
      }
    }
  }
  await page.evaluate(() => bench.select('wasm'));
  for (const [test, figures] of ours) {
    for (const [engine, measured] of await inTurns(page, test, ['eager'], quick)) {
      note(test, engine, measured);
      checkLosses(test, figures, engine, measured.figures);
    }
  }
  return { rows, ratios };
}

/** @throws Error where losses part. */
export async function trainSuite({ quick, shape }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const device: DeviceReport = await session.page.evaluate(() => bench.select('webgpu'));
    const measured = await measureAll(session.page, quick, trainCases(quick, shape));
    return {
      result: { suite: 'train', adapter: adapterLabel(device), ...measured },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
