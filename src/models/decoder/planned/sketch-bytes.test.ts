import { describe, expect, it } from 'vitest';
import { SOFTWARE_TRAITS } from '../../../engine/planned';
import { defaultVariant } from '../../../engine/planned/tune/default-variants';
import { LORA_TARGETS } from '../../../protocol/models';
import { TINY_DECODERS } from '../../testing/tiny-decoders';
import type { DecoderConfig } from '../decoder-config';
import { plannedActivationBytes, type PlannedStep } from './plan-bytes';
import { sketchActivationBytes } from './sketch-bytes';

const MIB = 2 ** 20;
const device = {
  ...{ traits: SOFTWARE_TRAITS, slabBytes: 16 * MIB },
  variantOf: (shape: Parameters<typeof defaultVariant>[0]) =>
    defaultVariant(shape, { kind: 'software', subgroupLanes: 0 }),
};
const step: PlannedStep = {
  ...{ method: 'lora', batchSize: 2, sequenceLength: 64 },
  lora: { rank: 4, alpha: 8, dropout: 0, targets: [...LORA_TARGETS] },
};
const deep = (config: DecoderConfig, layers: number): DecoderConfig => {
  const localLayers = Array.from({ length: layers }, (_, layer) => layer % 3 < 2);
  const traits = config.traits?.localLayers === undefined ? config.traits : { ...config.traits, localLayers };
  return {
    ...config,
    ...{ layers, hiddenSize: 64, headSize: 16, intermediateSize: 160 },
    ...(traits && { traits }),
  };
};

describe('sketch of a step', () => {
  it.each([
    ['llama', 'f32', Infinity],
    ['llama', 'int4', 0],
    ['gemma3', 'f32', Infinity],
    ['gemma3', 'f32', 0],
  ] as const)(
    'sketch: %s in %s with a budget of %d is near what is laid out',
    (family, baseStorage, budget) => {
      const config = deep(TINY_DECODERS[family], 12);
      const total = ({ activationsBytes, logitsBytes }: ReturnType<typeof plannedActivationBytes>): number =>
        activationsBytes + logitsBytes;
      const exact = total(plannedActivationBytes(config, { ...step, baseStorage }, device, budget));
      const sketched = total(sketchActivationBytes(config, { ...step, baseStorage }, device, budget));
      expect(sketched / exact).toBeGreaterThan(0.95);
      expect(sketched / exact).toBeLessThan(1.05);
    },
  );

  it('sketch: few layers are laid out as they are', () => {
    const config = TINY_DECODERS.llama;
    expect(sketchActivationBytes(config, step, device, MIB)).toEqual(
      plannedActivationBytes(config, step, device, MIB),
    );
  });

  it('sketch: an array that the device does not bind is told as it would be', () => {
    const small = { ...device, slabBytes: 4096 };
    expect(() => sketchActivationBytes(deep(TINY_DECODERS.llama, 12), step, small, MIB)).toThrow(
      'the device binds at most 4096',
    );
  });
});
