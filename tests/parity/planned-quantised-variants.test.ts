import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Kernel } from '../../src/engine/planned/kernel';
import { quantisedKey, type QuantisedShape } from '../../src/engine/planned/kernels/quantised-shape';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { proveQuantised } from '../../src/engine/planned/tune/prove-quantised';
import { tuneQuantised } from '../../src/engine/planned/tune/tune-quantised';
import { TuningTable } from '../../src/engine/planned/tune/tuning-table';
import { planDevice } from './planned-fixture';

const opened: PlanDevice[] = [];

/** A device of its own, whose kernels of some variants are spoilt on their way to the compiler. */
async function spoilt(spoil: (kernel: Kernel) => string): Promise<PlanDevice> {
  const { device } = await planDevice();
  const owner = new PlanDevice(device, { vendor: '', software: true });
  opened.push(owner);
  const get = owner.pipelines.get.bind(owner.pipelines);
  vi.spyOn(owner.pipelines, 'get').mockImplementation((kernel, readOnly) =>
    get({ ...kernel, code: spoil(kernel) }, readOnly),
  );
  return owner;
}

afterEach(() => {
  for (const owner of opened.splice(0)) owner.dispose();
});

const part = { start: 0, stride: 0 };
const shapeOf = (rows: number): QuantisedShape => ({
  ...{ rows, out: 36, in: 96, bits: 8, direction: 'forward', plus: 'none', x: part, y: part },
});

describe('proveQuantised', () => {
  it('a sound device: nothing is set aside, and nothing stays on it', async () => {
    const owner = await spoilt(({ code }) => code);
    await proveQuantised(owner, 8);
    expect([...owner.variants.setAside]).toEqual([]);
  });

  it('a variant that does not compile, one that is wrong: named, and the next one is taken', async () => {
    const owner = await spoilt(({ name, code, variant = '' }) => {
      if (variant.startsWith('expand')) return code.replace('* scale(at)', '* 1.01 * scale(at)');
      return variant.includes('vector') && name.includes('8 bits') ? `${code}\nthis is no shader` : code;
    });
    await proveQuantised(owner, 8);
    expect([...owner.variants.setAside.keys()].sort()).toEqual([
      'expand 8 bits',
      'mat-mul 8 bits forward vector lanes 1, workgroupSize 4',
    ]);
    expect(owner.variants.setAside.get('expand 8 bits')).toBe('It computed wrong.');
    expect(owner.quantisedVariantOf(shapeOf(3)).kind).toBe('direct');
    expect(owner.quantisedVariantOf(shapeOf(72)).kind).toBe('direct');
  });

  it('no variant is right: refused with their names', async () => {
    const owner = await spoilt(({ code, variant = '' }) =>
      variant.includes('8 bits') ? `${code}\nthis is no shader` : code,
    );
    await expect(proveQuantised(owner, 8)).rejects.toMatchObject({
      code: 'engine.kernel-failed',
      remedy: 'Keep the weights in f32, or update the browser or the graphics driver.',
    });
  });
});

describe('tuneQuantised', () => {
  it('keeps a variant that is right for each shape; a device takes it from then on', async () => {
    const owner = await spoilt(({ code, variant = '' }) =>
      variant.startsWith('expand') ? `${code}\nthis is no shader` : code,
    );
    const shape = shapeOf(72);
    const table = new TuningTable();
    expect(await tuneQuantised(owner, [shape], table, 1)).toBe(1);
    expect(table.getQuantised(quantisedKey(shape))?.variant.kind).toBe('direct');
    owner.tuning = TuningTable.fromJSON(
      JSON.parse(JSON.stringify(table)) as ReturnType<TuningTable['toJSON']>,
    );
    expect(owner.quantisedVariantOf(shape)).toEqual(table.getQuantised(quantisedKey(shape))?.variant);
    expect(await tuneQuantised(owner, [shape], table, 1)).toBe(0);
  });
});
