// Which tiles attention takes before anything was measured, and which are worth measuring.
import { SOFTWARE_TRAITS, type DeviceTraits } from '../recorder';
import type { AttentionShape, AttentionVariant } from './attention-tile';

/**
 * For software adapters: four lanes are one SIMD register, and loads whose address is the same in all of them are one
 * load, so what counts is how often a loaded number is used. More rows would be faster still, but code grows with them
 * and compiling it costs seconds.
 */
export function registerVariant({ headSize }: AttentionShape): AttentionVariant {
  const rows = (floats: number): number => Math.min(4, Math.max(1, Math.floor(floats / headSize)));
  return {
    lanes: 4,
    forwardRows: rows(160),
    queryRows: rows(200),
    keyRows: rows(128),
    sharedBytes: 0,
  };
}

/**
 * For real GPUs: one row per invocation; keys and values of the forward pass are loaded once per workgroup. Half of the
 * workgroup memory that every device has: the other half is for a second workgroup beside this one.
 */
export function sharedVariant(): AttentionVariant {
  return { lanes: 64, forwardRows: 1, queryRows: 1, keyRows: 1, sharedBytes: 8192 };
}

/** Before anything was measured. */
export function defaultAttention(
  shape: AttentionShape,
  { rowLanes, attentionMemory = true }: DeviceTraits,
): AttentionVariant {
  if (rowLanes <= SOFTWARE_TRAITS.rowLanes) return registerVariant(shape);
  return attentionMemory ? sharedVariant() : { ...sharedVariant(), sharedBytes: 0 };
}

/** What is worth timing, in sets of equal workgroups; within a set the passes may take rows of different candidates. */
export function attentionCandidates({
  rowLanes,
  attentionMemory = true,
}: DeviceTraits): AttentionVariant[][] {
  const rows = (count: number) => ({ forwardRows: count, queryRows: count, keyRows: count });
  if (rowLanes <= SOFTWARE_TRAITS.rowLanes) {
    return [[1, 2, 3, 4].map((count) => ({ lanes: 4, ...rows(count), sharedBytes: 0 }))];
  }
  const memories = attentionMemory ? [8192, 0] : [0];
  return [32, 64, 128].flatMap((lanes) =>
    memories.map((sharedBytes) => [1, 2].map((count) => ({ lanes, ...rows(count), sharedBytes }))),
  );
}
