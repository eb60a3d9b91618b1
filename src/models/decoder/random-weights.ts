// Untrained weights: normal with deviation 0.02, output projections of each block scaled down by the depth
// (Radford et al. 2019, section 2.3), norms at one, biases at zero. The same seed gives the same weights on every machine.
import { hashSeed, Random } from '../../lib/random';
import type { FileArray } from '../file-layout';
import type { DecoderConfig } from './decoder-config';
import { weightShapes } from './decoder-names';

const DEVIATION = 0.02;

/** Weights by name, in the shapes of the file. */
export function randomWeights(config: DecoderConfig, seed: number): Map<string, FileArray> {
  const weights = new Map<string, FileArray>();
  for (const [name, shape] of weightShapes(config)) {
    const size = shape.reduce((product, n) => product * n, 1);
    weights.set(name, { shape, data: randomArray(config, name, size, hashSeed(seed, 'weights', name)) });
  }
  return weights;
}

function randomArray(
  config: DecoderConfig,
  name: string,
  size: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  if (name.endsWith('.bias')) return new Float32Array(size);
  if (name.endsWith('norm.weight')) return new Float32Array(size).fill(1);
  const isOutput = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
  const deviation = isOutput ? DEVIATION / Math.sqrt(2 * config.layers) : DEVIATION;
  const random = new Random(seed);
  return Float32Array.from({ length: size }, () => random.normal() * deviation);
}
