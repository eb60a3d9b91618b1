import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attentionCandidates, defaultAttention } from '../../src/engine/planned/kernels/attention-default';
import { shapeName } from '../../src/engine/planned/kernels/attention-tile';
import type { PlanDevice } from '../../src/engine/planned/plan-device';
import { AttentionTrial } from '../../src/engine/planned/tune/attention-trial';
import { tuneAttention } from '../../src/engine/planned/tune/tune-attention';
import { TuningTable } from '../../src/engine/planned/tune/tuning-table';
import { ownPlanDevice } from './planned-fixture';

const SHAPE = { rows: 2, length: 20, heads: 4, kvHeads: 2, headSize: 8 };

let device: PlanDevice;
beforeAll(async () => {
  device = await ownPlanDevice();
});
afterAll(() => device.dispose());

describe('tuneAttention', () => {
  it('the fastest rows of each pass are kept, of candidates only, and plans take them', async () => {
    const { tuning } = device;
    expect(await tuneAttention(device, [SHAPE], tuning, 1)).toBe(1);
    const kept = tuning.getAttention(shapeName(SHAPE));
    expect([1, 2, 3, 4]).toContain(kept?.variant.keyRows);
    expect(kept?.milliseconds).toBeGreaterThan(0);
    expect(device.attentionVariantOf(SHAPE)).toEqual(kept?.variant);
    expect(TuningTable.fromJSON(tuning.toJSON()).getAttention(shapeName(SHAPE))).toEqual(kept);
    expect(await tuneAttention(device, [SHAPE], tuning, 1)).toBe(0);
  });

  it('afterwards: no memory is kept', async () => {
    await tuneAttention(device, [SHAPE], new TuningTable(), 1);
    const before = device.memory.bytes;
    await tuneAttention(device, [SHAPE], new TuningTable(), 1);
    expect(device.memory.bytes).toBe(before);
  });

  it('a shape that was not measured: the default', () => {
    const other = { ...SHAPE, length: 21 };
    expect(device.attentionVariantOf(other)).toEqual(defaultAttention(other, device.traits));
  });
});

describe('AttentionTrial', () => {
  it('candidates of software adapters agree; zeros do not agree with them', async () => {
    const trial = await AttentionTrial.open(device, SHAPE);
    const results = [];
    for (const variant of attentionCandidates(device.traits).flat()) {
      const plan = await trial.plan('forward', variant);
      results.push(await trial.result('forward', plan));
      plan.dispose();
    }
    const [first = new Float32Array(), ...others] = results;
    expect(others).toHaveLength(3);
    for (const other of others) expect(AttentionTrial.agree(other, first)).toBe(true);
    expect(AttentionTrial.agree(new Float32Array(first.length), first)).toBe(false);
    trial.dispose();
  });
});
