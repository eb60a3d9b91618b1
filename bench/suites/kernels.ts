// Matrix products, ours against plain tfjs on WebGPU in turns, and every kernel of a training step, of an optimizer step and
// of a decoded token, beside what the adapter can do at most.
import type { MatMulVariant } from '../../src/engine/planned/kernels/mat-mul';
import type { DeviceReport } from '../../src/protocol/engine';
import { trainCases } from '../cases';
import type { KernelTime } from '../page/kernel-times';
import type { ProductCase, ProductFigures } from '../page/kernels';
import type { Roofline } from '../page/roofline';
import { PageSession } from '../page-session';
import { adapterLabel, median, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

const SQUARE: ProductCase = { name: 'matmul512', m: 512, n: 512, k: 512 };

/** Of the training step of a small model, 512 tokens: forward, gradient by the input, gradient by the weight. */
const forward = (n: number, k: number): ProductCase => ({
  name: `forward ${n}x${k}`,
  m: 512,
  n,
  k,
  transposeB: true,
});
const byInput = (n: number, k: number): ProductCase => ({ name: `by input ${n}x${k}`, m: 512, n: k, k: n });
const byWeight = (n: number, k: number): ProductCase => ({
  name: `by weight ${n}x${k}`,
  m: n,
  n: k,
  k: 512,
  transposeA: true,
});

const QUICK = [SQUARE, forward(256, 128), byInput(256, 128), byWeight(256, 128)];
const FULL = [
  ...QUICK,
  forward(128, 128),
  forward(768, 128),
  forward(128, 384),
  forward(1024, 128),
  byInput(768, 128),
  byWeight(768, 128),
  // LoRA of rank 8: its A, its B, and their gradients.
  forward(8, 128),
  forward(256, 8),
  byWeight(8, 128),
  byWeight(256, 8),
  // A small pretrained model, 256 tokens.
  { name: 'wide 768x288', m: 256, n: 768, k: 288, transposeB: true },
  { name: 'wide 288x768', m: 256, n: 288, k: 768, transposeB: true },
  { name: 'wide 4096x288', m: 256, n: 4096, k: 288, transposeB: true },
  { name: 'one row 4096x288', m: 1, n: 4096, k: 288, transposeB: true },
];

/** Whose every kernel is timed: a full training step, an optimizer step and a decoded token. */
const kernelCases = (quick: boolean) =>
  trainCases(false, quick ? 'TINY' : 'SMALL').filter(({ method }) => method === 'full');

const gflops = ({ m, n, k }: ProductCase, milliseconds: number): number =>
  (2 * m * n * k) / milliseconds / 1e6;

function label(variant: MatMulVariant): string {
  switch (variant.kind) {
    case 'direct':
      return `direct ${variant.rows}x${variant.columns}${variant.splits > 1 ? ` in ${variant.splits}` : ''}`;
    case 'shared':
      return `shared ${variant.tileRows}x${variant.tileColumns}x${variant.depth}${variant.splits > 1 ? ` in ${variant.splits}` : ''}`;
    case 'subgroup':
      return `subgroup ${variant.rows}x${variant.columns}${variant.splits > 1 ? ` in ${variant.splits}` : ''}`;
    case 'vector':
      return `vector, ${variant.lanes} lanes`;
  }
}

function row(test: ProductCase, figures: ProductFigures, peak: number): Record<string, Cell> {
  const ours = gflops(test, median(figures.ours));
  const { tuned } = figures;
  return {
    product: test.name,
    'm n k': `${test.m} ${test.n} ${test.k}`,
    variant: label(figures.variant),
    'GFLOP/s': ours,
    '% of peak': (100 * ours) / peak,
    'tfjs GFLOP/s': gflops(test, median(figures.tfjs)),
    ratio: median(figures.tfjs) / median(figures.ours),
    'first ms': figures.firstMilliseconds,
    'best variant': tuned === null ? null : label(tuned.variant),
    'its GFLOP/s': tuned === null ? null : gflops(test, tuned.milliseconds),
  };
}

/** Of a kernel by itself; what bounds it is the nearer of the two limits. */
function kernelRow(time: KernelTime, peak: Roofline): Record<string, Cell> {
  const { name, count, milliseconds, flops, bytes } = time;
  const rates = { gflops: flops / milliseconds / 1e6, gigabytes: (bytes ?? 0) / milliseconds / 1e6 };
  const share = Math.max(rates.gflops / peak.gflops, rates.gigabytes / peak.gigabytesPerSecond);
  return {
    product: name,
    'runs a step': count,
    ms: milliseconds,
    'GFLOP/s': rates.gflops,
    'GB/s': bytes === null ? null : rates.gigabytes,
    '% of peak': 100 * share,
  };
}

export async function kernelsSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  const { page } = session;
  try {
    const device: DeviceReport = await page.evaluate(() => bench.select('webgpu'));
    const peak = await page.evaluate((rounds) => bench.roofline(rounds), quick ? 1 : 3);
    const rows: SuiteRun['result']['rows'] = [];
    const ratios: Record<string, number> = {};
    for (const test of quick ? QUICK : FULL) {
      const figures = await page.evaluate(
        ({ test, quick }) => bench.compareProduct(test, quick ? 3 : 5, !quick),
        { test, quick },
      );
      rows.push(row(test, figures, peak.gflops));
      ratios[`${test.name.replaceAll(' ', '-')}.tfjs`] = median(figures.tfjs) / median(figures.ours);
    }
    for (const test of kernelCases(quick)) {
      const times = await page.evaluate(({ test, rounds }) => bench.timeKernels(test, rounds), {
        test,
        rounds: quick ? 1 : 3,
      });
      rows.push(...times.map((time) => kernelRow(time, peak)));
    }
    rows.push(
      { product: 'multiply-adds at most', 'GFLOP/s': peak.gflops },
      { product: 'copying at most', 'GB/s': peak.gigabytesPerSecond },
    );
    return {
      result: { suite: 'kernels', adapter: adapterLabel(device), rows, ratios },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
