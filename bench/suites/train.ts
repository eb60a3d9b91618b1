// Training, full fine-tuning of a Llama shape: ours (block by block) against one tape of plain tfjs, on each backend.
import type { BackendName, DeviceReport } from '../../src/protocol/engine';
import type { DecoderShape } from '../peers/tfjs-tape';
import type { TrainCase, TrainFigures } from '../page/main';
import { adapterLabel } from '../report';
import { PageSession } from '../page-session';
import type { SuiteOptions, SuiteRun } from '../suite';

/** The embedded model's shape. */
const TINY: DecoderShape = {
  vocabSize: 1024,
  hiddenSize: 128,
  layers: 6,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  ffnSize: 384,
};
const MICRO: DecoderShape = {
  ...TINY,
  vocabSize: 256,
  hiddenSize: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  ffnSize: 128,
};

interface NamedCase extends TrainCase {
  name: string;
}

const cases = (quick: boolean): NamedCase[] =>
  quick
    ? [{ name: 'MICRO', shape: MICRO, rows: 4, length: 32, steps: 3 }]
    : [
        { name: 'MICRO', shape: MICRO, rows: 4, length: 32, steps: 20 },
        { name: 'TINY', shape: TINY, rows: 4, length: 64, steps: 5 },
      ];

const mebibytes = (bytes: number) => bytes / 1024 ** 2;

export async function trainSuite({ quick, backend }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const backends: BackendName[] = backend === 'auto' ? ['wasm', 'webgpu'] : [backend];
    const rows: SuiteRun['result']['rows'] = [];
    const ratios: Record<string, number> = {};
    let device: DeviceReport | null = null;
    for (const name of backends) {
      device = await session.page.evaluate((name) => bench.select(name), name);
      for (const test of cases(quick)) {
        const ours = await session.page.evaluate((test) => bench.trainEager(test), test);
        const theirs = await session.page.evaluate((test) => bench.trainTape(test), test);
        rows.push(row(test.name, name, 'fragua', ours), row(test.name, name, 'tfjs tape', theirs));
        ratios[`${test.name}.${name}.tokensPerSecond`] = ours.tokensPerSecond / theirs.tokensPerSecond;
        ratios[`${test.name}.${name}.bytesAfterStep`] = theirs.bytesAfterStep / ours.bytesAfterStep;
      }
    }
    if (device === null) throw new Error('No backend was measured.');
    return {
      result: { suite: 'train', adapter: adapterLabel(device), rows, ratios },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}

const row = (shape: string, backend: string, engine: string, figures: TrainFigures) => ({
  shape,
  backend,
  engine,
  'tokens/s': figures.tokensPerSecond,
  'tensors MiB after a step': mebibytes(figures.bytesAfterStep),
  'first loss': figures.losses[0] ?? null,
  'last loss': figures.losses.at(-1) ?? null,
});
