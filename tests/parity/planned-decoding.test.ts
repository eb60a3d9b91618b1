// Decoding sessions on plans: what is chosen on the device is what the host would choose from the same logits, whoever
// else is in the batch.
import { describe, expect, it } from 'vitest';
import { chooseToken } from '../../src/inference/sampling';
import { uniformAt } from '../../src/lib/random';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import type { TokenChoice } from '../../src/models/loaded-model';
import { SELF_TEST_CONFIG, selfTestWeights } from '../../src/models/self-test';
import { planDevice } from './planned-fixture';

// Heads of eight: rotated, stored and attended to in one dispatch.
const CONFIG = { ...SELF_TEST_CONFIG, headSize: 8, contextLength: 256 };
const OFF = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
const SAMPLINGS = [
  { ...OFF, temperature: 0 },
  { ...OFF, temperature: 0.8, topP: 0.9 },
  { ...OFF, topK: 5, repetitionPenalty: 1.4 },
];
const prompt = Array.from({ length: 40 }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);

async function open(): Promise<PlannedRuntime> {
  const weights = selfTestWeights(CONFIG, false);
  const read = (name: string) =>
    Promise.resolve(weights.get(name) as { data: Float32Array<ArrayBuffer>; shape: number[] });
  return PlannedRuntime.load(await planDevice(), CONFIG, read, 2 ** 30);
}

/** The first `count` tokens after `start`, chosen on the device or on the host. */
async function written(
  runtime: PlannedRuntime,
  start: readonly number[],
  sampling: TokenChoice['sampling'],
  count: number,
  onDevice: boolean,
): Promise<number[]> {
  const session = runtime.createSession(null);
  const seen = new Set(start);
  const tokens: number[] = [];
  let pending = start;
  for (let step = 0; step < count; step += 1) {
    const choice = { sampling, uniform: uniformAt(start.length, step), seen };
    const token =
      onDevice && session.feedAndChoose !== undefined
        ? await session.feedAndChoose(pending, choice)
        : chooseToken(await session.feed(pending), seen, sampling, choice.uniform);
    tokens.push(token);
    seen.add(token);
    pending = [token];
  }
  session.dispose();
  return tokens;
}

describe('planned sessions that choose tokens', () => {
  it.each(SAMPLINGS)(
    'temperature $temperature, penalty $repetitionPenalty: the tokens of the host',
    async (sampling) => {
      const runtime = await open();
      const onDevice = await written(runtime, prompt, sampling, 12, true);
      expect(onDevice).toEqual(await written(runtime, prompt, sampling, 12, false));
      runtime.dispose();
    },
  );

  it('several sequences side by side: the tokens of each alone', async () => {
    const runtime = await open();
    const starts = [prompt, prompt.slice(9), prompt.slice(20), prompt.slice(3, 8), prompt.slice(1)];
    const write = (start: readonly number[], i: number) =>
      written(runtime, start, SAMPLINGS[i % 3] ?? OFF, 4 + i, true);
    const together = await Promise.all(starts.map(write));
    const alone: number[][] = [];
    for (const [i, start] of starts.entries()) alone.push(await write(start, i));
    expect(together).toEqual(alone);
    runtime.dispose();
  });

  it('long prompts: several pieces, of which only the last is chosen from', async () => {
    const runtime = await open();
    const long = Array.from({ length: 250 }, (_, i) => (i * 11 + 5) % CONFIG.vocabSize);
    const greedy = { ...OFF, temperature: 0 };
    const onDevice = await written(runtime, long, greedy, 3, true);
    expect(onDevice).toEqual(await written(runtime, long, greedy, 3, false));
    runtime.dispose();
  });

  it('one that joins while others write, and one that leaves: the tokens of each alone', async () => {
    const runtime = await open();
    const greedy = { ...OFF, temperature: 0 };
    const long = written(runtime, prompt, greedy, 10, true);
    const short = written(runtime, prompt.slice(5), greedy, 3, true);
    await short;
    const late = written(runtime, prompt.slice(11), SAMPLINGS[1] ?? OFF, 5, true);
    const together = await Promise.all([long, short, late]);
    expect(together).toEqual([
      await written(runtime, prompt, greedy, 10, true),
      await written(runtime, prompt.slice(5), greedy, 3, true),
      await written(runtime, prompt.slice(11), SAMPLINGS[1] ?? OFF, 5, true),
    ]);
    runtime.dispose();
  });

  it('nothing stays on the device', async () => {
    const { memory } = await planDevice();
    const once = async () => {
      const runtime = await open();
      await written(runtime, prompt, OFF, 3, true);
      runtime.dispose();
    };
    await once();
    const { bytes } = memory;
    await once();
    expect(memory.bytes).toBe(bytes);
  });
});
