// A decoder over whole batches: loss, and gradients driven block by block. Only block inputs are kept; each block
// is run again in the backward pass and freed at once - unless everything fits the activation budget, which saves the
// second run. Owns nothing between calls.
import {
  attentionMask,
  crossEntropy,
  crossEntropyWithGradients,
  dispose,
  gatherRows,
  rmsNorm,
  ropeTables,
  scatterAddRows,
  scope,
  transposed,
  type GradientWindow,
  type Tensor,
} from '../../../engine';
import type { TokenBatch } from '../../../protocol/batches';
import type { DecoderWeights } from './decoder-weights';
import { noDropout, type DropoutMasks } from './dropout-masks';
import { blockBackward, blockForward, normBack, type BlockContext, type BlockSaved } from './eager-block';
import { inverseFrequencies, type DecoderConfig } from '../decoder-config';
import { EMBEDDING, FINAL_NORM, HEAD } from '../decoder-names';

/** Bytes that `BlockSaved` takes for one token of one block. */
export function savedBytesPerToken(config: DecoderConfig, length: number): number {
  const { hiddenSize, heads, kvHeads, headSize, intermediateSize } = config;
  const queryWidth = heads * headSize;
  return (
    4 * (5 * hiddenSize + 3 * queryWidth + 2 * kvHeads * headSize + heads * length + 4 * intermediateSize)
  );
}

interface ForwardPass {
  context: BlockContext;
  /** Input of each block; the last one is the output of the last block. */
  inputs: Tensor[];
  /** null where the block will be run again. */
  saved: (BlockSaved | null)[];
}

export class EagerGraph {
  readonly config: DecoderConfig;
  readonly #frequencies: Float64Array;
  readonly #activationBudgetBytes: number;

  /** @param activationBudgetBytes above it, blocks are recomputed in the backward pass. */
  constructor(config: DecoderConfig, activationBudgetBytes: number) {
    this.config = config;
    this.#frequencies = inverseFrequencies(config);
    this.#activationBudgetBytes = activationBudgetBytes;
  }

  /** Summed loss over the labelled tokens, a scalar that the caller owns. */
  loss(batch: TokenBatch, weights: DecoderWeights): Tensor {
    return scope(() => {
      const context = this.#context(batch, weights, noDropout);
      let x = gatherRows(weights.tensor(EMBEDDING), batch.tokens);
      for (let layer = 0; layer < this.config.layers; layer += 1) {
        const before = x;
        x = scope(() => blockForward(context, layer, before).y);
        dispose(before);
      }
      const { y } = rmsNorm(x, weights.tensor(FINAL_NORM), this.config.rmsNormEpsilon);
      return crossEntropy(y, headOf(weights), batch.labels);
    });
  }

  /** Like `loss`; adds the gradients of the summed loss to the window. */
  lossAndGradients(
    batch: TokenBatch,
    weights: DecoderWeights,
    window: GradientWindow,
    dropout: DropoutMasks,
  ): Tensor {
    return scope(() => {
      const pass = this.#forward(batch, weights, dropout);
      const { loss, dx } = this.#headBackward(pass, batch, weights, window);
      const dEmbedded = this.#blocksBackward(pass, dx, window);
      if (window.wants(EMBEDDING)) {
        window.add(EMBEDDING, scatterAddRows(dEmbedded, batch.tokens, this.config.vocabSize));
      }
      return loss;
    });
  }

  #context(batch: TokenBatch, weights: DecoderWeights, dropout: DropoutMasks): BlockContext {
    const { heads, kvHeads, headSize, rmsNormEpsilon } = this.config;
    const { rows, length } = batch;
    return {
      weights,
      dropout,
      shape: { rows, length, heads, kvHeads, headSize },
      rope: ropeTables(batch.positions, this.#frequencies),
      mask: attentionMask(batch.segments, rows, length, this.config.slidingWindow),
      epsilon: rmsNormEpsilon,
    };
  }

  #forward(batch: TokenBatch, weights: DecoderWeights, dropout: DropoutMasks): ForwardPass {
    const { layers } = this.config;
    const context = this.#context(batch, weights, dropout);
    const perBlock = savedBytesPerToken(this.config, batch.length) * batch.tokens.length;
    const keepsAll = perBlock * layers <= this.#activationBudgetBytes;
    const inputs = [gatherRows(weights.tensor(EMBEDDING), batch.tokens)];
    const saved: (BlockSaved | null)[] = [];
    for (let layer = 0; layer < layers; layer += 1) {
      const x = inputs[layer] as Tensor;
      const result = blockForward(context, layer, x);
      inputs.push(result.y);
      saved.push(keepsAll ? result.saved : null);
      if (!keepsAll) dispose(result.saved);
    }
    return { context, inputs, saved };
  }

  #headBackward(
    { inputs }: ForwardPass,
    batch: TokenBatch,
    weights: DecoderWeights,
    window: GradientWindow,
  ): { loss: Tensor; dx: Tensor } {
    return scope(() => {
      const weight = weights.tensor(FINAL_NORM);
      const norm = rmsNorm(inputs[this.config.layers] as Tensor, weight, this.config.rmsNormEpsilon);
      const headName = this.config.tiedHead ? EMBEDDING : HEAD;
      const wantsHead = window.wants(headName);
      const { loss, gradients } = crossEntropyWithGradients(norm.y, headOf(weights), batch.labels, wantsHead);
      if (gradients.dHead !== null) {
        window.add(headName, this.config.tiedHead ? transposed(gradients.dHead) : gradients.dHead);
      }
      return { loss, dx: normBack(window, FINAL_NORM, weight, gradients.dHidden, norm) };
    });
  }

  #blocksBackward({ context, inputs, saved }: ForwardPass, dLast: Tensor, window: GradientWindow): Tensor {
    let dy = dLast;
    for (let layer = this.config.layers - 1; layer >= 0; layer -= 1) {
      const input = inputs[layer] as Tensor;
      const after = dy;
      dy = scope(() => {
        const kept = saved[layer] ?? blockForward(context, layer, input).saved;
        return blockBackward(context, layer, after, kept, window);
      });
      dispose([after, inputs[layer + 1], saved[layer] ?? []]);
    }
    return dy;
  }
}

/** Output projection [hidden, vocabulary]. */
export function headOf(weights: DecoderWeights): Tensor {
  return weights.head() ?? transposed(weights.tensor(EMBEDDING));
}
