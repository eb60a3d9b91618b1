// Finds the variants of products with a matrix in few bits that are wrong on a device, before a base is kept in them: each
// by itself, against numbers worked out on the host. What fails is set aside and the next one takes its place.
import { AppError } from '../../../lib/errors';
import type { PlanDevice } from '../plan-device';
import { quantisedVariantName, type QuantisedShape } from '../kernels/quantised-shape';
import type { QuantisedBits } from '../quantise';
import { QuantisedTrial } from './quantised-trial';
import { faultOf } from './try-variant';

function probe(bits: QuantisedBits, rows: number, direction: QuantisedShape['direction']): QuantisedShape {
  const part = { start: 0, stride: 0 };
  return { rows, out: 36, in: 96, bits, direction, plus: 'none', x: part, y: part };
}

/** A token, some that are in registers, many that are worth expanding; both ways. */
const probes = (bits: QuantisedBits): QuantisedShape[] => [
  probe(bits, 3, 'forward'),
  ...([21, 72] as const).flatMap((rows) => [probe(bits, rows, 'forward'), probe(bits, rows, 'back')]),
];

/** Until a variant is right, or has been tried before. */
async function prove(device: PlanDevice, asked: QuantisedShape): Promise<boolean> {
  const trial = await QuantisedTrial.open(device, asked);
  const tried = new Set<string>();
  try {
    for (;;) {
      const variant = device.quantisedVariantOf(trial.shape);
      const name = quantisedVariantName(trial.shape, variant);
      if (tried.has(name)) return false;
      tried.add(name);
      const fault = await faultOf(trial, variant);
      if (fault === null) return true;
      device.variants.drop(name, fault);
    }
  } finally {
    trial.dispose();
  }
}

const proven = new WeakMap<PlanDevice, Set<QuantisedBits>>();

/**
 * Once for each device and number of bits.
 * @throws AppError `engine.kernel-failed` where no variant is right.
 */
export async function proveQuantised(device: PlanDevice, bits: QuantisedBits): Promise<void> {
  const known = proven.get(device) ?? new Set();
  if (known.has(bits)) return;
  for (const shape of probes(bits)) {
    if (await prove(device, shape)) continue;
    const fact = `No product with weights of ${bits} bits is right on this device (${shape.rows} rows, ${shape.direction}).`;
    throw new AppError('engine.kernel-failed', fact, {
      details: { bits, variants: [...device.variants.setAside.keys()] },
      remedy: 'Keep the weights in f32, or update the browser or the graphics driver.',
    });
  }
  proven.set(device, known.add(bits));
}
