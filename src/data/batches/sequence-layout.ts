// Which sequences a large dataset has: sample and window of each, and about how long it is. Flat arrays, twelve bytes for a
// sequence at most. Nothing is read for it.
import { type LengthEstimate, positionsOf, windowsOf } from './length-estimate';
import type { RowPlan } from './prepared-dataset';
import type { SizedSource } from './survey';

export interface SequenceLayout {
  /** Sample of each sequence. */
  samples: Uint32Array;
  /** Which window of its sample, from 0. */
  windows: Uint32Array;
  /** About how many input positions, 1 to the sequence length. */
  lengths: Uint32Array;
  /** Samples that are about longer than a sequence and are cut there. */
  truncated: number;
}

/** @param takesPart of the samples that are not left out. */
export function layOutSequences(
  source: SizedSource,
  takesPart: (sample: number) => boolean,
  estimate: LengthEstimate,
  { sequenceLength }: Pick<RowPlan, 'sequenceLength'>,
): SequenceLayout {
  const chosen = (sample: number): boolean => !source.leftOut.has(sample) && takesPart(sample);
  let count = 0;
  for (let sample = 0; sample < source.count; sample++)
    if (chosen(sample)) count += windowsOf(estimate, source.bytesOf(sample), sequenceLength);
  const [samples, windows, lengths] = [
    new Uint32Array(count),
    new Uint32Array(count),
    new Uint32Array(count),
  ];
  let at = 0;
  let truncated = 0;
  for (let sample = 0; sample < source.count; sample++) {
    if (!chosen(sample)) continue;
    const bytes = source.bytesOf(sample);
    const ofSample = windowsOf(estimate, bytes, sequenceLength);
    const positions = positionsOf(estimate, bytes);
    if (positions > ofSample * sequenceLength) truncated++;
    samples.fill(sample, at, at + ofSample);
    lengths.fill(Math.min(sequenceLength, Math.ceil(positions / ofSample)), at, at + ofSample);
    for (let window = 0; window < ofSample; window++) windows[at++] = window;
  }
  return { samples, windows, lengths, truncated };
}

/** At most `most` of them, evenly. */
export function thinnedOut(layout: SequenceLayout, most: number): SequenceLayout {
  const count = layout.samples.length;
  if (count <= most) return layout;
  const picked = (of: Uint32Array): Uint32Array =>
    Uint32Array.from({ length: most }, (_, i) => of[Math.floor((i * count) / most)] ?? 0);
  const { samples, windows, lengths, truncated } = layout;
  return { samples: picked(samples), windows: picked(windows), lengths: picked(lengths), truncated };
}
