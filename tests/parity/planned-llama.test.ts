import { describe, expect, it } from 'vitest';
import { WeightLayout, WeightStore, type PlanDevice } from '../../src/engine/planned';
import type { LlamaConfig } from '../../src/models/llama/llama-config';
import { parameterCount } from '../../src/models/llama/llama-names';
import { frozenView, loraView, plainView } from '../../src/models/llama/planned/parameter-views';
import { PlannedTraining } from '../../src/models/llama/planned/planned-training';
import { TrainedWeights } from '../../src/models/llama/planned/trained-weights';
import { baseGroups, loraGroups } from '../../src/models/llama/planned/weight-groups';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { LoraConfig, LoraTarget } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

const LORA: LoraConfig = { rank: 2, alpha: 3, dropout: 0, targets: ['q', 'v', 'o', 'gate', 'down'] };

async function fullTraining(owner: PlanDevice, config: LlamaConfig, recompute: boolean) {
  const layout = new WeightLayout(baseGroups(config), owner.slabBytes, true);
  const trained = await TrainedWeights.allocate(owner, layout);
  const view = plainView((key) => trained.parameter(key));
  return new PlannedTraining({
    owner,
    config,
    trained,
    weights: () => ({ training: view, evaluation: view }),
    baseRangeOf: () => null,
    modelParameters: parameterCount(config),
    recompute,
  });
}

async function loraTraining(owner: PlanDevice, config: LlamaConfig, base: WeightStore, recompute: boolean) {
  const targets: LoraTarget[] = LORA.targets;
  const layout = new WeightLayout(loraGroups(config, LORA.rank, targets), owner.slabBytes, true);
  const trained = await TrainedWeights.allocate(owner, layout);
  return new PlannedTraining({
    owner,
    config,
    trained,
    weights: (seed) => {
      const view = loraView(config, frozenView(base.layout), LORA, (key) => trained.parameter(key), seed);
      return { training: view, evaluation: view };
    },
    baseRangeOf: (value) => (base.layout.groups.get(value.name) === value ? base.rangeOf(value) : null),
    modelParameters: parameterCount(config),
    recompute,
  });
}

describe.each([false, true])('planned Llama, recompute %s', (recompute) => {
  it.each([false, true])('full, tied head %s: loss and every gradient of the reference', async (tiedHead) => {
    const config = { ...SELF_TEST_CONFIG, tiedHead };
    const owner = await planDevice();
    const weights = selfTestWeights(config, false);
    const batch = selfTestBatch();
    const training = await fullTraining(owner, config, recompute);
    for (const [name, { data }] of weights) training.trained.values.write(name, data);
    const { lossSum } = await training.accumulate(batch, 0);
    const gradients = new Map<string, Float32Array>();
    for (const name of weights.keys()) {
      gradients.set(name, (await training.trained.store('gradient')?.read(name)) ?? new Float32Array());
    }
    const checks = compareGradients({ loss: lossSum, gradients }, referenceOf(config, weights, batch));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    const evaluated = await training.evaluate(batch);
    expect(evaluated.lossSum).toBeCloseTo(lossSum, 4);
    training.dispose();
  });

  it('LoRA: loss and the gradients of the adapter', async () => {
    const config = SELF_TEST_CONFIG;
    const owner = await planDevice();
    const weights = selfTestWeights(config, true);
    const batch = selfTestBatch();
    const layout = new WeightLayout(baseGroups(config), owner.slabBytes, false);
    const base = await WeightStore.allocate(layout, owner.memory, 'base');
    const training = await loraTraining(owner, config, base, recompute);
    const names = [...training.trained.layout.members.keys()];
    for (const [name, { data }] of weights) {
      if (names.includes(name)) training.trained.values.write(name, data);
      else base.write(name, data);
    }
    const { lossSum } = await training.accumulate(batch, 0);
    const gradients = new Map<string, Float32Array>();
    for (const name of names) {
      gradients.set(name, (await training.trained.store('gradient')?.read(name)) ?? new Float32Array());
    }
    const reference = referenceOf(config, weights, batch);
    const expected = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
    const checks = compareGradients({ loss: lossSum, gradients }, { ...reference, gradients: expected });
    expect(checks).toHaveLength(names.length + 1);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    training.dispose();
    base.dispose();
  });
});
