// Peak GPU bytes of the same training step: ours on plans against the tape of plain tfjs, jax-js beside them. Each engine
// has a browser of its own, so that no pool of another is counted.
import type { Page } from 'playwright';
import type { DeviceReport } from '../../src/protocol/engine';
import { QWEN3, trainCases, type EngineName, type TrainCase } from '../cases';
import { HostMemory } from '../host-memory';
import { PageSession } from '../page-session';
import { adapterLabel, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';
import { openTrainer, stepTrainer } from '../trainers';

interface Peak {
  /** Alive at once, as tfjs counts them; null where only buffers are counted. */
  tensorBytes: number | null;
  bufferBytes: number;
}

const mebibytes = (bytes: number | null) => (bytes === null ? null : bytes / 1024 ** 2);

async function peakOf(page: Page, engine: EngineName, test: TrainCase): Promise<Peak> {
  await openTrainer(page, engine, test);
  if (engine === 'tfjs') return page.evaluate(() => bench.tapePeak());
  // The second step has the moments that the first one makes.
  await stepTrainer(page, engine, 2);
  const { peakBytes } = await page.evaluate((engine) => bench.bytes(engine), engine);
  return { tensorBytes: null, bufferBytes: peakBytes };
}

const SKIPPED = 'left out of a quick run: one step is about 2 TFLOP';

/** One LoRA step of a model with the sizes of Qwen3-0.6B on a base in 4 bits, allocated for real. */
async function largeRow({ page }: PageSession): Promise<{ row: Record<string, Cell>; peakBytes: number }> {
  const test = QWEN3;
  const host = await HostMemory.watch(page);
  const loading = await page.evaluate((test) => bench.openLarge(test), test);
  const { overIdleBytes } = await host.stop();
  console.error(
    `${test.name} loaded: ${loading} ms, ${mebibytes(overIdleBytes)} MiB of host memory over idle`,
  );
  const { loss, milliseconds } = await page.evaluate(() => bench.stepLarge());
  const { peakBytes } = await page.evaluate(() => bench.largeBytes());
  await page.evaluate(() => bench.closeLarge());
  if (!Number.isFinite(loss)) throw new Error(`The loss of ${test.name} is ${loss}.`);
  const row = {
    ...{ shape: test.name, method: `lora on ${test.storage}`, engine: 'planned' },
    'peak MiB of tensors': null,
    'peak MiB of buffers': mebibytes(peakBytes),
    'MiB of host memory while loading': mebibytes(overIdleBytes),
    'seconds to load': loading / 1000,
    'seconds of a step': milliseconds / 1000,
    loss,
  };
  return { row, peakBytes };
}

export async function memorySuite({ quick, shape }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const rows: Record<string, Cell>[] = [];
    const ratios: Record<string, number> = {};
    let device: DeviceReport | null = null;
    const measure = async (engine: EngineName, test: TrainCase): Promise<Peak> => {
      await session.restart();
      const { page } = session;
      device = await page.evaluate(() => bench.select('webgpu'));
      const peak = await peakOf(page, engine, test);
      const [arrays, buffers] = [mebibytes(peak.tensorBytes), mebibytes(peak.bufferBytes)];
      const { name, method } = test;
      rows.push({
        shape: name,
        method,
        engine,
        'peak MiB of tensors': arrays,
        'peak MiB of buffers': buffers,
      });
      console.error(Object.values(rows.at(-1) ?? {}).join('  '));
      return peak;
    };
    for (const test of trainCases(quick, shape)) {
      const key = `${test.name}.${test.method}`;
      const ours = (await measure('planned', test)).bufferBytes;
      const tape = await measure('tfjs', test);
      // All our buffers over the lower of its counts.
      const theirs = Math.min(tape.tensorBytes ?? Infinity, tape.bufferBytes);
      ratios[`${key}.tfjs`] = ours / theirs;
      ratios[`${key}.jaxjs`] = ours / (await measure('jaxjs', test)).bufferBytes;
    }
    const figures: Record<string, number> = {};
    if (quick) rows.push({ shape: QWEN3.name, method: 'lora on int4', engine: SKIPPED });
    else if (shape === null || shape === QWEN3.name) {
      await session.restart();
      device = await session.page.evaluate(() => bench.select('webgpu'));
      const { row, peakBytes } = await largeRow(session);
      rows.push(row);
      figures['qwen3_06b_int4_lora_bytes'] = peakBytes;
      console.error(Object.values(row).join('  '));
    }
    if (device === null) throw new Error('Nothing was measured.');
    return {
      result: { suite: 'memory', adapter: adapterLabel(device), rows, ratios, figures },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
