// Training of all weights of a decoder. The starting weights are read or shared, never changed.
import { ParameterSet, type Tensor } from '../../../engine';
import { toEngine, type FileArray } from '../../file-layout';
import type { DecoderWeights } from './decoder-weights';
import type { DecoderConfig } from '../decoder-config';
import { EagerGraph } from './eager-graph';
import { HEAD, weightShapes } from '../decoder-names';
import { EagerTraining } from './eager-training';
import { randomWeights } from '../random-weights';

export interface FullTrainingOptions {
  /** Above it, blocks are recomputed in the backward pass. */
  activationBudgetBytes: number;
}

/** Training that goes on from the tensors `initial` returns; it takes each of them over. */
export function fullTraining(
  config: DecoderConfig,
  initial: (name: string) => Tensor,
  { activationBudgetBytes }: FullTrainingOptions,
): EagerTraining {
  const parameters = new ParameterSet();
  for (const name of weightShapes(config).keys()) parameters.add(name, initial(name));
  const weights = (which: 'current' | 'averaged'): DecoderWeights => {
    const read = (name: string): Tensor =>
      which === 'current' ? parameters.value(name) : parameters.averaged(name);
    return {
      tensor: read,
      linear: (path) => ({
        weight: read(`${path}.weight`),
        lora: null,
        bias: parameters.has(`${path}.bias`) ? read(`${path}.bias`) : null,
      }),
      head: () => (config.tiedHead ? null : read(HEAD)),
    };
  };
  return new EagerTraining({
    graph: new EagerGraph(config, activationBudgetBytes),
    parameters,
    weights,
    modelParameters: parameters.size,
    dropout: 0,
  });
}

/** Pre-training: a new model with random weights. What it learnt comes out of `exportWeights`. */
export function createPretraining(
  config: DecoderConfig,
  seed: number,
  options: FullTrainingOptions = { activationBudgetBytes: 512 * 1024 * 1024 },
): EagerTraining {
  const arrays = randomWeights(config, seed);
  return fullTraining(
    config,
    (name) =>
      toEngine(name, arrays.get(name) ?? ({ shape: [0], data: new Float32Array(0) } satisfies FileArray)),
    options,
  );
}
