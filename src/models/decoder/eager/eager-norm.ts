// A norm of a decoder, of either kind, with its way back: root mean squares, or deviations from the mean with a bias.
import {
  layerNorm,
  layerNormInputGradient,
  layerNormWeightGradients,
  rmsNorm,
  rmsNormInputGradient,
  rmsNormWeightGradient,
  type GradientWindow,
  type Tensor,
} from '../../../engine';
import { traitsOf, type DecoderConfig } from '../decoder-config';
import { biasOf } from '../decoder-names';

/** What the way back needs. */
export interface NormSaved {
  /** [rows, size] */
  normalized: Tensor;
  /** One over the root mean square or the deviation, [rows, 1]. */
  inverse: Tensor;
}

export interface NormOutput extends NormSaved {
  /** [rows, size] */
  y: Tensor;
}

/** @param x [rows, size]; @param name of the weight. */
export function norm(
  config: DecoderConfig,
  tensor: (name: string) => Tensor,
  name: string,
  x: Tensor,
): NormOutput {
  if (traitsOf(config).norm === 'rms') {
    const { y, normalized, inverseRms: inverse } = rmsNorm(x, tensor(name), config.normEpsilon);
    return { y, normalized, inverse };
  }
  const output = layerNorm(x, tensor(name), tensor(biasOf(name)), config.normEpsilon);
  return { y: output.y, normalized: output.normalized, inverse: output.inverseDeviation };
}

/** Gradients of weight and bias go to the window where it wants them. @returns the gradient by x. */
export function normBack(
  config: DecoderConfig,
  tensor: (name: string) => Tensor,
  name: string,
  dy: Tensor,
  { normalized, inverse }: NormSaved,
  window: GradientWindow,
): Tensor {
  if (traitsOf(config).norm === 'rms') {
    if (window.wants(name)) window.add(name, rmsNormWeightGradient(dy, { normalized }));
    return rmsNormInputGradient(dy, tensor(name), { normalized, inverseRms: inverse });
  }
  if (window.wants(name)) {
    const { dWeight, dBias } = layerNormWeightGradients(dy, { normalized });
    window.add(name, dWeight);
    window.add(biasOf(name), dBias);
  }
  return layerNormInputGradient(dy, tensor(name), { normalized, inverseDeviation: inverse });
}
