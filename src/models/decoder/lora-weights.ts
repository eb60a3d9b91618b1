// LoRA matrices as a view over a base: which projections have a side path, and its tensors.
import type { LoraPair, Tensor } from '../../engine';
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';
import type { LoraConfig } from '../../protocol/models';
import type { FileArray } from '../file-layout';
import type { AdaptedNorms } from './eager/adapted-norms';
import type { DecoderWeights } from './eager/decoder-weights';

export const loraA = (path: string): string => `${path}.lora_A.weight`;
export const loraB = (path: string): string => `${path}.lora_B.weight`;
/** DoRA's lengths of the rows of an adapted weight (Liu et al. 2024). */
export const loraMagnitude = (path: string): string => `${path}.lora_magnitude_vector`;

/** What a side path is multiplied with; rank-stabilised after Kalajdzievski (2023). */
export const loraScale = ({ alpha, rank, useRslora = false }: LoraScaling): number =>
  alpha / (useRslora ? Math.sqrt(rank) : rank);

export type LoraScaling = Pick<LoraConfig, 'alpha' | 'rank' | 'useRslora'>;

/** The base with side paths from `read`, which gives null where there is none. */
export function withLora(
  base: DecoderWeights,
  scaling: LoraScaling,
  read: (name: string) => Tensor | null,
  norms: AdaptedNorms,
): DecoderWeights {
  const scale = loraScale(scaling);
  const pairOf = (path: string, weight: Tensor): LoraPair | null => {
    const [a, b] = [read(loraA(path)), read(loraB(path))];
    if (a === null || b === null) return null;
    const side = { a, b, scale };
    const magnitude = read(loraMagnitude(path));
    const dora = magnitude === null ? null : { magnitude, norms: norms.of(path, weight, side) };
    return { ...side, dora };
  };
  return {
    tensor: (name) => base.tensor(name),
    head: () => base.head(),
    linear: (path) => {
      const linear = base.linear(path);
      return { ...linear, lora: pairOf(path, linear.weight) };
    },
  };
}

/** Matrices that change nothing yet: A uniform within 1 / sqrt(in) (PEFT's choice), B zero. Magnitudes are still zero: they
 * follow from the base. */
export function initialLora(shapes: ReadonlyMap<string, number[]>, seed: number): Map<string, FileArray> {
  const arrays = new Map<string, FileArray>();
  for (const [name, shape] of shapes) {
    const [rows = 0, columns = 1] = shape;
    const data = new Float32Array(rows * columns);
    if (name.endsWith('.lora_A.weight')) {
      const random = new Random(hashSeed(seed, 'lora', name));
      const bound = 1 / Math.sqrt(columns);
      data.forEach((_, i) => (data[i] = (2 * random.next() - 1) * bound));
    }
    arrays.set(name, { shape, data });
  }
  return arrays;
}

/** @returns the array. @throws AppError `adapter.base-mismatch` for a matrix that is missing or has another shape. */
export function checkAdapterArray(
  name: string,
  shape: readonly number[],
  array: FileArray | undefined,
): FileArray {
  if (array !== undefined && array.shape.join() === shape.join()) return array;
  const fact =
    array === undefined
      ? `lacks ${name}`
      : `has ${name} as [${array.shape.join(', ')}], this model needs [${shape.join(', ')}]`;
  throw new AppError('adapter.base-mismatch', `The adapter was made for another model: it ${fact}.`, {
    details: { tensor: name },
    remedy: 'Choose the model that the adapter was trained on.',
  });
}

/**
 * A run may go on from an adapter that has its very matrices.
 * @param shapes what the run trains; @param names what the adapter has; @param wanted scaling of the run.
 * @throws AppError `training.invalid` telling both apart.
 */
export function checkContinues(
  shapes: ReadonlyMap<string, number[]>,
  names: readonly string[],
  from: LoraConfig,
  wanted: LoraScaling,
): void {
  const same = names.length === shapes.size && names.every((name) => shapes.has(name));
  if (same && from.rank === wanted.rank && (from.useRslora ?? false) === (wanted.useRslora ?? false)) return;
  throw new AppError(
    'training.invalid',
    `The adapter has rank ${from.rank} on ${from.targets.join(', ')}; the run asks for something else.`,
    { remedy: 'Use the rank, the targets and the variant of the adapter that the run goes on from.' },
  );
}
