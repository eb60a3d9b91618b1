import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import { IGNORED_LABEL } from '../protocol/batches';
import type { TrainingConfig } from '../protocol/training';
import type { LoopSnapshot } from './loop-state';
import { createSchedule } from './schedule';
import { RecordingSink, toyConfig } from './testing/recording-sink';
import { ToyBatches, toyBatch, ToyModel } from './testing/toy-model';
import { MAX_SKIPPED_IN_A_ROW, TrainingLoop, type LoopParts } from './training-loop';

interface Bench {
  model: ToyModel;
  batches: ToyBatches;
  sink: RecordingSink;
  loop: TrainingLoop;
}

function setUp(
  changes: Partial<TrainingConfig> = {},
  restore: LoopSnapshot | null = null,
  parts: Partial<LoopParts> = {},
): Bench {
  const model = new ToyModel();
  const batches = new ToyBatches();
  const sink = new RecordingSink();
  let time = 0;
  const loop = new TrainingLoop(
    {
      runId: 'run',
      config: toyConfig(changes),
      model,
      batches,
      schedule: createSchedule('cosine'),
      generate: null,
      sink,
      clock: { now: () => (time += 500), giveWay: () => Promise.resolve() },
      memoryBytes: () => 64,
      exclusive: (work) => work(),
      ...parts,
    },
    restore,
  );
  return { model, batches, sink, loop };
}

describe('TrainingLoop', () => {
  it('training: learns, with an evaluation before and after and a checkpoint at the end', async () => {
    const { loop, sink } = setUp({ maxSteps: 60 });
    expect(await loop.run()).toEqual({ status: 'finished', early: false });
    expect(sink.losses).toHaveLength(60);
    const [before, after] = sink.evaluations;
    expect(after?.loss).toBeLessThan((before?.loss ?? 0) / 10);
    expect(before?.perplexity).toBeCloseTo(Math.exp(before?.loss ?? 0), 10);
    expect(sink.events.at(-1)).toBe('checkpoint 60');
    expect(loop.state.evalLossBefore).toBe(before?.loss);
  });

  it('steps: come from epochs when maxSteps is null, the last window takes what is left', async () => {
    // 1.5 epochs of 4 batches = 6 micro-steps; windows of 4 -> 2 optimizer steps over 4 and 2 micro-batches.
    const { loop, sink, batches } = setUp({ maxSteps: null, epochs: 1.5, gradientAccumulation: 4 });
    await loop.run();
    expect(sink.metrics.map(({ step, totalSteps }) => [step, totalSteps])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(batches.asked).toEqual([0, 1, 2, 3, 4, 5]);
    expect(sink.epochs).toEqual([1]);
    // After 4 and after 6 of 4 batches an epoch.
    expect(sink.metrics.map((step) => step.epoch)).toEqual([1, 1.5]);
    expect(loop.state.clock).toEqual({ epoch: 1, microStep: 6, optimizerStep: 2 });
  });

  it('accumulation: averages over all target tokens of the window, not over its batches', async () => {
    const batches = new ToyBatches();
    // One target with error -3 and three with error -1 (weights start at 0, label / 10 is the target).
    const pairs = [
      [[0, 30]],
      [
        [0, 10],
        [0, 10],
        [0, 10],
        [0, IGNORED_LABEL],
      ],
    ] as [number, number][][];
    batches.trainBatch = (index) => Promise.resolve(toyBatch(pairs[index] ?? []));
    const { loop, model, sink } = setUp({ maxSteps: 1, weightDecay: 0 }, null, { batches });
    await loop.run();
    // Loss: (9/2 + 3 * 1/2) / 4 = 1.5 (a mean of batch means would be 2.5). Bias gradient: (-3 - 3 * 1) / 4 = -1.5.
    expect(sink.losses).toEqual([1.5]);
    expect(model.steps[0]?.targetTokens).toBe(4);
    expect(model.steps[0]?.gradient[1]).toBeCloseTo(-1.5, 12);
  });

  it('resume: a run killed half-way and resumed has the losses of one that never stopped', async () => {
    const changes = { evalInterval: 3, emaDecay: 0.9 };
    const whole = setUp(changes);
    await whole.loop.run();
    const killed = setUp(changes);
    killed.sink.onStep = ({ step }) => {
      if (step === 7) throw new Error('killed');
    };
    await expect(killed.loop.run()).rejects.toThrow('killed');
    const last = killed.sink.checkpoints.at(-1);
    expect(last?.loop.clock.optimizerStep).toBe(4);
    const resumed = setUp(changes, last);
    await resumed.loop.run();
    expect([...killed.sink.losses.slice(0, 4), ...resumed.sink.losses]).toEqual(whole.sink.losses);
    expect(resumed.sink.evaluations).toEqual(whole.sink.evaluations.filter(({ step }) => step > 4));
    expect(resumed.model.weights).toEqual(whole.model.weights);
  });

  it('resume: without the optimizer moments the losses differ (negative control)', async () => {
    const whole = setUp();
    await whole.loop.run();
    const snapshot = structuredClone(whole.sink.checkpoints[0]);
    snapshot?.model.arrays.get('moment1/line')?.data.fill(0);
    const resumed = setUp({}, snapshot);
    await resumed.loop.run();
    expect(resumed.sink.losses).not.toEqual(whole.sink.losses.slice(4));
  });

  it('pause: stops after the step, writes a checkpoint, and goes on in the same loop', async () => {
    const whole = setUp();
    await whole.loop.run();
    const { loop, sink } = setUp();
    sink.onStep = ({ step }) => {
      if (step === 5) loop.requestPause();
    };
    expect(await loop.run()).toEqual({ status: 'paused', error: null });
    expect(sink.events.at(-1)).toBe('checkpoint 5');
    expect(await loop.run()).toEqual({ status: 'finished', early: false });
    expect(sink.losses).toEqual(whole.sink.losses);
  });

  it('pause: drops an evaluation in progress and makes it again on resume', async () => {
    const { loop, sink, batches } = setUp({ evalInterval: 2 });
    const evalBatch = batches.evalBatch.bind(batches);
    let pauseOnce = true;
    batches.evalBatch = (index) => {
      if (loop.state.clock.optimizerStep === 2 && pauseOnce) {
        pauseOnce = false;
        loop.requestPause();
      }
      return evalBatch(index);
    };
    await loop.run();
    expect(sink.evaluations.map(({ step }) => step)).toEqual([0]);
    await loop.run();
    expect(sink.evaluations.map(({ step }) => step)).toEqual([0, 2, 4, 6, 8, 10, 12]);
  });

  it('stop: ends after the step with a checkpoint of it', async () => {
    const { loop, sink } = setUp();
    sink.onStep = ({ step }) => {
      if (step === 3) loop.requestStop();
    };
    expect(await loop.run()).toEqual({ status: 'stopped' });
    expect(sink.events.at(-1)).toBe('checkpoint 3');
  });

  it('a loss that is not finite: skips the step, says so once, and keeps the weights', async () => {
    const { loop, model, sink } = setUp({ maxSteps: 4 });
    // Micro-batches 3 and 4 belong to step 2; the first of them is poisoned.
    model.poison = (call) => call === 3;
    await loop.run();
    expect(sink.metrics.map(({ loss }) => loss === null)).toEqual([false, true, false, false]);
    expect(sink.metrics[1]?.gradNorm).toBeNull();
    expect(sink.skips).toEqual([{ step: 2, reason: 'the loss was NaN' }]);
    expect(model.steps).toHaveLength(3);
    expect(model.weights.every(Number.isFinite)).toBe(true);
  });

  it('ten skipped steps in a row: stops with training.diverged', async () => {
    const { loop, model, sink } = setUp({ maxSteps: 40 });
    model.poison = (call) => call > 8;
    await expect(loop.run()).rejects.toMatchObject({ code: 'training.diverged' });
    expect(sink.metrics).toHaveLength(4 + MAX_SKIPPED_IN_A_ROW);
    expect(sink.skips).toHaveLength(1);
  });

  it('early stopping: ends after that many evaluations without a lower loss', async () => {
    const { loop, sink, model } = setUp({ maxSteps: 40, evalInterval: 1, earlyStoppingPatience: 3 });
    let call = 0;
    // Per evaluation (2 batches): losses 1, 0.5, then no gain.
    model.evaluate = () => {
      const evaluation = Math.floor(call++ / 2);
      return Promise.resolve({ lossSum: evaluation === 0 ? 1 : 0.5, targetTokens: 1 });
    };
    expect(await loop.run()).toEqual({ status: 'finished', early: true });
    expect(sink.metrics).toHaveLength(4);
    expect(sink.evaluations.map(({ best }) => best)).toEqual([true, true, false, false, false]);
  });

  it('a full disk: pauses with the error, loses nothing, and the same step is written on resume', async () => {
    const whole = setUp();
    await whole.loop.run();
    const { loop, sink } = setUp();
    let full = true;
    sink.onCheckpoint = () => {
      if (full) throw new AppError('storage.quota', 'The disk is full.');
    };
    const outcome = await loop.run();
    expect(outcome).toMatchObject({ status: 'paused', error: { code: 'storage.quota' } });
    full = false;
    await loop.run();
    expect(sink.checkpoints.map(({ loop: { clock } }) => clock.optimizerStep)).toEqual([4, 8, 12]);
    expect(sink.losses).toEqual(whole.sink.losses);
  });

  it('samples: are written with the config prompts, or with held-out ones where it has none', async () => {
    const generate = (prompt: string): Promise<string> => Promise.resolve(`${prompt}!`);
    const named = setUp({ maxSteps: 1, samplePrompts: ['Hello'] }, null, { generate });
    await named.loop.run();
    expect(named.sink.evaluations[0]?.samples).toEqual([{ prompt: 'Hello', text: 'Hello!' }]);
    const unnamed = setUp({ maxSteps: 1 }, null, { generate });
    await unnamed.loop.run();
    expect(unnamed.sink.evaluations[0]?.samples).toEqual([{ prompt: 'held-out', text: 'held-out!' }]);
  });

  it('metrics: give tokens per second and the time left from the clock', async () => {
    // The clock moves 0.5 s per reading; a step reads it before and after, and so does each of its two batches.
    const { loop, sink } = setUp({ maxSteps: 3 });
    await loop.run();
    expect(sink.metrics.map(({ remainingSeconds }) => remainingSeconds)).toEqual([null, 2.5, 0]);
    // Step 1 has the micro-batches 0 and 1 with 1 + 2 tokens: 3 / 2.5 s.
    expect(sink.metrics[0]?.tokensPerSecond).toBe(1.2);
    // It waited 0.5 s for each of them.
    expect(sink.metrics[0]?.dataWaitShare).toBeCloseTo(0.4, 12);
    expect(sink.metrics[2]?.elapsedSeconds).toBe(7.5);
  });

  it('an empty dataset: is refused before anything runs', async () => {
    const { loop } = setUp({}, null, { batches: new ToyBatches(0) });
    await expect(loop.run()).rejects.toMatchObject({ code: 'dataset.all-masked' });
  });
});
