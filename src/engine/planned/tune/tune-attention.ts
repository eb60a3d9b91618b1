// Times the tiles of attention on the user's device, each pass by itself, and keeps the fastest that compute what the
// default computes: that one has passed the device's self-test.
import { attentionCandidates } from '../kernels/attention-default';
import { shapeName, type AttentionShape, type AttentionVariant } from '../kernels/attention-tile';
import type { PlanDevice } from '../plan-device';
import { ATTENTION_PASSES, AttentionTrial, type AttentionPass } from './attention-trial';
import { GpuTimer } from './gpu-timer';
import { timeVariant } from './try-variant';
import type { TunedAttention, TuningTable } from './tuning-table';

/** Rows that a pass keeps in registers. */
const ROWS_OF = { forward: 'forwardRows', query: 'queryRows', keyValue: 'keyRows' } as const;

/** What the default leaves, pass by pass: the passes of the gradient need what the forward pass has left. */
async function expectedOf(trial: AttentionTrial, usual: AttentionVariant) {
  const results = new Map<AttentionPass, Float32Array<ArrayBuffer>>();
  for (const pass of ATTENTION_PASSES) {
    const plan = await trial.plan(pass, usual);
    results.set(pass, await trial.result(pass, plan));
    plan.dispose();
  }
  return results;
}

/** The fastest rows of each pass among the candidates of equal workgroups. */
async function compose(
  trial: AttentionTrial,
  timer: GpuTimer,
  candidates: readonly AttentionVariant[],
  expected: ReadonlyMap<AttentionPass, Float32Array>,
  rounds: number,
): Promise<TunedAttention | null> {
  let [variant] = candidates;
  let milliseconds = 0;
  for (const pass of ATTENTION_PASSES) {
    let best = Infinity;
    for (const candidate of candidates) {
      const result = expected.get(pass) as Float32Array;
      const time = await timeVariant(trial.ofPass(pass, result), timer, candidate, rounds);
      if (time === null || time >= best || variant === undefined) continue;
      best = time;
      variant = { ...variant, [ROWS_OF[pass]]: candidate[ROWS_OF[pass]] };
    }
    milliseconds += best;
  }
  return variant === undefined || milliseconds === Infinity ? null : { variant, milliseconds };
}

/** Fills `table` for the shapes it does not know. @returns how many choices it made. */
export async function tuneAttention(
  device: PlanDevice,
  shapes: readonly AttentionShape[],
  table: TuningTable,
  rounds = 3,
): Promise<number> {
  const timer = new GpuTimer(device.device);
  let made = 0;
  try {
    for (const shape of shapes) {
      const key = shapeName(shape);
      if (table.getAttention(key) !== null) continue;
      const trial = await AttentionTrial.open(device, shape);
      try {
        const expected = await expectedOf(trial, device.attentionVariantOf(shape));
        const composed: TunedAttention[] = [];
        for (const candidates of attentionCandidates(device.traits)) {
          const choice = await compose(trial, timer, candidates, expected, rounds);
          if (choice !== null) composed.push(choice);
        }
        const [best] = composed.sort((x, y) => x.milliseconds - y.milliseconds);
        if (best === undefined) continue;
        table.setAttention(key, best);
        made += 1;
      } finally {
        trial.dispose();
      }
    }
  } finally {
    timer.dispose();
  }
  return made;
}
