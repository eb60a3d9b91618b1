// What a stopped pretraining goes on from: weights, moments, how far it came, and its curve, in one file that is
// replaced by renaming, so that a kill at any moment leaves a whole one.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readWeights, writeWeights, type NamedArrays } from './weights-file';

/** One line of the loss curve. */
export interface CurvePoint {
  step: number;
  seconds: number;
  tokens: number;
  /** Mean over the steps since the last point, nats per token. */
  trainLoss: number;
  learningRate: number;
  /** On a part of the held-out text; null where it was not measured. */
  heldOutBitsPerByte: number | null;
}

export interface Progress {
  step: number;
  /** Rows drawn so far: the data cursor. */
  rows: number;
  /** Target tokens learnt from. */
  tokens: number;
  /** Seconds of training, pauses left out. */
  seconds: number;
  curve: CurvePoint[];
}

export interface Checkpoint {
  progress: Progress;
  arrays: NamedArrays;
}

export function saveCheckpoint(path: string, { progress, arrays }: Checkpoint): void {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.part`;
  writeFileSync(part, writeWeights(arrays, 'F32', { progress: JSON.stringify(progress) }), { flush: true });
  renameSync(part, path);
}

/** null where there is none. */
export function loadCheckpoint(path: string): Checkpoint | null {
  if (!existsSync(path)) return null;
  const { arrays, metadata } = readWeights(readFileSync(path));
  return { progress: JSON.parse(metadata['progress'] ?? '{}') as Progress, arrays };
}
