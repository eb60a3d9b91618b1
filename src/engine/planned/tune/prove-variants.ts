// Finds the variants that are wrong on a device: products by themselves, against numbers worked out on the host; what
// cannot be tried by itself by leaving it out and asking again.
import { SHARED_ATTENTION, SHARED_ROWS } from '../kernel-variants';
import { matMulVariantName, type MatMulShape } from '../kernels/mat-mul-shape';
import type { PlanDevice } from '../plan-device';
import { SOFTWARE_TRAITS } from '../recorder';
import { MatMulTrial } from './mat-mul-trial';
import { faultOf } from './try-variant';

type Size = readonly [m: number, n: number, k: number];

function probe([m, n, k]: Size, transposeA: boolean, transposeB: boolean): MatMulShape {
  return {
    ...{ m, n, k, transposeA, transposeB, scale: 0.5, plus: 'result' as const },
    a: { start: 0, stride: transposeA ? m : k },
    b: { start: 0, stride: transposeB ? k : n },
    c: { start: 0, stride: n },
  };
}

/**
 * From a token to a long batch, in the forms of forward, input gradient and weight gradient: together they take the
 * variants that models take, and not all of them fill their tiles.
 */
const SIZES: readonly Size[] = [
  [24, 20, 16],
  [136, 128, 96],
  [520, 512, 256],
];
const PROBES = [
  ...SIZES.flatMap((size) => [probe(size, false, true), probe(size, false, false), probe(size, true, false)]),
  probe([2048, 2048, 32], false, true),
  probe([1, 128, 96], false, true),
  probe([8, 128, 96], false, true),
];

/** Tries the variants that products take here, and sets aside what fails until others are right. @returns whether any did. */
export async function proveProducts(device: PlanDevice): Promise<boolean> {
  const before = device.variants.setAside.size;
  const proven = new Set<string>();
  for (const shape of PROBES) await proveShape(device, shape, proven);
  return device.variants.setAside.size > before;
}

async function proveShape(device: PlanDevice, shape: MatMulShape, proven: Set<string>): Promise<void> {
  const { transposeA, transposeB } = shape;
  const trial = await MatMulTrial.open(device, shape);
  try {
    for (;;) {
      const variant = device.variantOf(shape);
      const name = matMulVariantName(variant);
      const piece = `${name} ${transposeA} ${transposeB}`;
      // A variant that was set aside is only chosen where nothing is left.
      if (proven.has(piece) || !device.variants.isUsable(name)) return;
      const fault = await faultOf(trial, variant);
      if (fault === null) {
        proven.add(piece);
        return;
      }
      device.variants.drop(name, fault);
    }
  } finally {
    trial.dispose();
  }
}

/**
 * After a self-test has failed: each turn leaves the device with other variants, worth another test. Whoever stops in
 * between keeps what is set aside then.
 */
export async function* fallbacks(device: PlanDevice): AsyncGenerator<void> {
  if (await proveProducts(device)) yield;
  yield* withoutSuspects(device);
}

/** What cannot be tried by itself is left out in turn; what did not help is put back. */
export function* withoutSuspects({ variants, traits }: PlanDevice): Generator<void> {
  if (traits.rowLanes === SOFTWARE_TRAITS.rowLanes) return;
  for (const suspects of [[SHARED_ATTENTION], [SHARED_ROWS], [SHARED_ATTENTION, SHARED_ROWS]]) {
    const taken = suspects.filter((name) => variants.isUsable(name));
    for (const name of taken) variants.drop(name, 'The self-test passes only without it.');
    if (taken.length > 0) yield;
    for (const name of taken) variants.reinstate(name);
  }
}
