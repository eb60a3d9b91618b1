// Step time and memory of a training step over sequence length and depth. The bytes come from the recording alone, which
// needs no device; time is measured where a step takes seconds, not minutes.
import type { Page } from 'playwright';
import {
  externalValue,
  layoutArena,
  Recorder,
  SOFTWARE_TRAITS,
  Tape,
  WeightLayout,
} from '../../src/engine/planned';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { batchInputs, batchValues } from '../../src/models/decoder/planned/batch-buffers';
import { plainView } from '../../src/models/decoder/planned/parameter-views';
import { recordLoss } from '../../src/models/decoder/planned/record-decoder';
import { ropeValues } from '../../src/models/decoder/planned/rope-buffers';
import { baseGroups } from '../../src/models/decoder/planned/weight-groups';
import { MICRO, type TrainCase } from '../cases';
import { PageSession } from '../page-session';
import { adapterLabel, median, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { closeTrainer, openTrainer, stepTrainer } from '../trainers';

const LENGTHS = [128, 256, 512, 1024, 2048];
const DEPTHS = [2, 4, 8, 16];
/** What WebGPU allows everywhere: 128 MiB in a binding. */
const SLAB_BYTES = 128 * 1024 ** 2;
/** A timed step has at most so many tokens times layers. */
const QUICK_WORK = 1024;
const WORK = 4096;

/** Bytes of the arrays that a full training step needs besides weights. */
function arenaBytes(config: DecoderConfig, length: number, recompute: boolean): number {
  const layout = new WeightLayout(baseGroups(config), SLAB_BYTES, true);
  const view = plainView(config, (key) =>
    layout.parameter(key, ({ name, shape }) => externalValue(`d ${name}`, shape)),
  );
  const tape = new Tape(new Recorder(SOFTWARE_TRAITS));
  recordLoss(
    tape,
    config,
    view,
    batchInputs(batchValues(length)),
    ropeValues(length, config),
    { rows: 1, length },
    externalValue('loss', [1]),
    { recompute, gradients: true },
  );
  return layoutArena(tape.recorder.finish(), SLAB_BYTES).bytes;
}

async function stepMilliseconds(page: Page, test: TrainCase): Promise<number> {
  await openTrainer(page, 'planned', test);
  await stepTrainer(page, 'planned', 1);
  const figures = await stepTrainer(page, 'planned', 3);
  await closeTrainer(page, 'planned');
  return median(figures.map(({ milliseconds }) => milliseconds));
}

async function rowOf(page: Page, work: number, layers: number, length: number) {
  const config = { ...MICRO, layers };
  const test: TrainCase = { name: 'MICRO', config, method: 'full', rows: 1, length };
  return {
    layers,
    length,
    'arena KiB': arenaBytes(config, length, false) / 1024,
    'arena KiB, blocks recomputed': arenaBytes(config, length, true) / 1024,
    'step ms': layers * length <= work ? await stepMilliseconds(page, test) : null,
  };
}

/** How much more the last of a column is than the first. */
function growth(rows: readonly Record<string, Cell>[], column: string): number {
  const figures = rows.map((row) => row[column]).filter((cell) => typeof cell === 'number');
  return (figures.at(-1) ?? Number.NaN) / (figures[0] ?? Number.NaN);
}

export async function scalingSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  const { page } = session;
  try {
    const device = await page.evaluate(() => bench.select('webgpu'));
    const work = quick ? QUICK_WORK : WORK;
    const [byLength, byDepth]: [Record<string, Cell>[], Record<string, Cell>[]] = [[], []];
    for (const length of LENGTHS) byLength.push(await rowOf(page, work, MICRO.layers, length));
    for (const layers of DEPTHS) byDepth.push(await rowOf(page, work, layers, 128));
    const ratios = {
      'arena.2048over128tokens': growth(byLength, 'arena KiB'),
      'arenaRecomputed.2048over128tokens': growth(byLength, 'arena KiB, blocks recomputed'),
      'arena.16over2layers': growth(byDepth, 'arena KiB'),
      'arenaRecomputed.16over2layers': growth(byDepth, 'arena KiB, blocks recomputed'),
    };
    return {
      result: { suite: 'scaling', adapter: adapterLabel(device), rows: [...byLength, ...byDepth], ratios },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
