import { describe, expect, it } from 'vitest';
import { relativeError } from '../../src/engine/reference/compare';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { adapterShapes } from '../../src/models/decoder/decoder-names';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { logitsAfter, plannedGradients } from '../../src/models/planned-self-test';
import {
  compareGradients,
  referenceOf,
  selfTestBatch,
  selfTestWeights,
  SELF_TEST_LORA,
} from '../../src/models/self-test';
import { TINY_DECODERS } from '../../src/models/testing/tiny-decoders';
import type { FileArray } from '../../src/models/file-layout';
import type { LoraConfig, ModelFamily } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

const LORA: LoraConfig = { ...SELF_TEST_LORA, dropout: 0 };
const FAMILIES = (Object.keys(TINY_DECODERS) as ModelFamily[]).filter((family) => family !== 'llama');

type Weights = ReadonlyMap<string, FileArray>;

async function load(config: DecoderConfig, weights: Weights, budget: number) {
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  return PlannedRuntime.load(await planDevice(), config, read, budget);
}

describe.each(FAMILIES)('planned %s', (family) => {
  const config = TINY_DECODERS[family];

  it('full, blocks computed again: loss and every gradient of the reference', async () => {
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, 0);
    const training = await runtime.createFullTraining();
    const checks = compareGradients(
      await plannedGradients(training),
      referenceOf(config, weights, selfTestBatch()),
    );
    expect(checks).toHaveLength(weights.size + 1);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    training.dispose();
    runtime.dispose();
  });

  it('LoRA, blocks kept: loss and the gradients of the adapter', async () => {
    const weights = selfTestWeights(config, true);
    const runtime = await load(config, weights, 2 ** 30);
    const adapter = await runtime.createAdapter(LORA, weights);
    const training = await runtime.createLoraTraining(LORA, 1, adapter);
    const names = [...adapterShapes(config, LORA).keys()];
    const reference = referenceOf(config, weights, selfTestBatch());
    const gradients = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
    const checks = compareGradients(await plannedGradients(training), { ...reference, gradients });
    expect(checks).toHaveLength(names.length + 1);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    for (const part of [training, adapter, runtime]) part.dispose();
  });

  it.each(['base', 'adapter'])(
    'a session on the %s: logits of the reference, in pieces and token by token',
    async (of) => {
      const weights = selfTestWeights(config, of === 'adapter');
      const runtime = await load(config, weights, 2 ** 30);
      const adapter = of === 'adapter' ? await runtime.createAdapter(LORA, weights) : null;
      const session = runtime.createSession(adapter);
      const tokens = Array.from({ length: 40 }, (_, i) => (i * 7 + 3) % config.vocabSize);
      await session.feed(tokens.slice(0, 35));
      session.truncate(33);
      for (const token of tokens.slice(33, 39)) await session.feed([token]);
      const last = await session.feed(tokens.slice(39));
      expect(relativeError(last, logitsAfter(config, weights, tokens))).toBeLessThan(1e-4);
      session.dispose();
      adapter?.dispose();
      runtime.dispose();
    },
  );
});
