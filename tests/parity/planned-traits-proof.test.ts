// Models of other families on a device that computes right, and on one that does not.
import { describe, expect, it } from 'vitest';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { proveTraits } from '../../src/models/prove-traits';
import { TINY_DECODERS } from '../../src/models/testing/tiny-decoders';
import { planDevice } from './planned-fixture';

const SHADERS_OF_GELU = /0\.044715/g;

/** Compiles GELU to something else, as a faulty driver might. @returns how many shaders it compiled. */
async function faultyDevice(): Promise<{ plans: PlanDevice; compiled: () => number }> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter?.requestDevice();
  if (device === undefined) throw new Error('There is no WebGPU adapter.');
  let compiled = 0;
  const compile = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    compiled += 1;
    return compile({ ...descriptor, code: descriptor.code.replace(SHADERS_OF_GELU, '0.44715') });
  };
  return { plans: new PlanDevice(device, { vendor: '', software: true }), compiled: () => compiled };
}

describe('proveTraits', () => {
  it.each(['gpt2', 'gemma3', 'phi3'] as const)(
    '%s: right on a device that computes right',
    async (family) => {
      await expect(proveTraits(await planDevice(), TINY_DECODERS[family])).resolves.toBeUndefined();
    },
  );

  it('a device that computes GELU wrong: named, each time; a Llama is not asked about', async () => {
    const { plans, compiled } = await faultyDevice();
    await proveTraits(plans, TINY_DECODERS.llama);
    expect(compiled()).toBe(0);
    for (let time = 0; time < 2; time += 1) {
      await expect(proveTraits(plans, TINY_DECODERS.gpt2)).rejects.toMatchObject({
        code: 'engine.kernel-failed',
        message: expect.stringMatching(/checks failed, first .+ \(off by/) as string,
      });
    }
    await expect(proveTraits(plans, TINY_DECODERS.qwen3)).resolves.toBeUndefined();
    plans.dispose();
  });
});
