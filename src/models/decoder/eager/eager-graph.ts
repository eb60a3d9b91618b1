// A decoder over whole batches: loss, and gradients driven block by block. Only block inputs are kept; each block
// is run again in the backward pass and freed at once - unless everything fits the activation budget, which saves the
// second run. Owns nothing between calls.
import {
  add,
  attentionMask,
  crossEntropy,
  crossEntropyWithGradients,
  dispose,
  gatherRows,
  ropeTables,
  scaled,
  scatterAddRows,
  scope,
  transposed,
  type GradientWindow,
  type Tensor,
} from '../../../engine';
import type { TokenBatch } from '../../../protocol/batches';
import type { DecoderWeights } from './decoder-weights';
import { noDropout, type DropoutMasks } from './dropout-masks';
import { blockBackward, blockForward, type BlockContext, type BlockSaved } from './eager-block';
import type { LayerRopes } from './eager-layer';
import { norm, normBack } from './eager-norm';
import { inverseFrequencies, traitsOf, windowOf, type DecoderConfig } from '../decoder-config';
import { EMBEDDING, FINAL_NORM, HEAD, POSITIONS } from '../decoder-names';

/** Bytes that `BlockSaved` takes for one token of one block. */
export function savedBytesPerToken(config: DecoderConfig, length: number): number {
  const { hiddenSize, heads, kvHeads, headSize, intermediateSize } = config;
  const { outputNorms, headNorms } = traitsOf(config);
  const [queryWidth, keyWidth] = [heads * headSize, kvHeads * headSize];
  const norms = (outputNorms ? 2 * hiddenSize : 0) + (headNorms ? queryWidth + keyWidth : 0);
  return 4 * (5 * hiddenSize + 3 * queryWidth + 2 * keyWidth + heads * length + 4 * intermediateSize + norms);
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
  readonly #activationBudgetBytes: number;

  /** @param activationBudgetBytes above it, blocks are recomputed in the backward pass. */
  constructor(config: DecoderConfig, activationBudgetBytes: number) {
    this.config = config;
    this.#activationBudgetBytes = activationBudgetBytes;
  }

  /** Summed loss over the labelled tokens, a scalar that the caller owns. */
  loss(batch: TokenBatch, weights: DecoderWeights): Tensor {
    return scope(() => {
      const context = this.#context(batch, weights, noDropout);
      let x = embedded(this.config, weights, batch.tokens, batch.positions);
      for (let layer = 0; layer < this.config.layers; layer += 1) {
        const before = x;
        x = scope(() => blockForward(context, layer, before).y);
        dispose(before);
      }
      return crossEntropy(this.#finalNorm(weights, x).y, headOf(weights), batch.labels);
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
      this.#embeddingBackward(batch, dEmbedded, window);
      return loss;
    });
  }

  #finalNorm(weights: DecoderWeights, x: Tensor) {
    return norm(this.config, (name) => weights.tensor(name), FINAL_NORM, x);
  }

  #embeddingBackward(batch: TokenBatch, d: Tensor, window: GradientWindow): void {
    const { vocabSize, contextLength } = this.config;
    if (window.wants(EMBEDDING)) {
      const rows = scaled(d, traitsOf(this.config).embeddingScale);
      window.add(EMBEDDING, scatterAddRows(rows, batch.tokens, vocabSize));
    }
    if (window.wants(POSITIONS)) window.add(POSITIONS, scatterAddRows(d, batch.positions, contextLength));
  }

  #context(batch: TokenBatch, weights: DecoderWeights, dropout: DropoutMasks): BlockContext {
    const { config } = this;
    const { heads, kvHeads, headSize } = config;
    const { rows, length } = batch;
    const masks = new Map<number | null, Tensor>();
    for (let layer = 0; layer < config.layers; layer += 1) {
      const window = windowOf(config, layer);
      if (!masks.has(window)) masks.set(window, attentionMask(batch.segments, rows, length, window));
    }
    return {
      config,
      weights,
      dropout,
      shape: { rows, length, heads, kvHeads, headSize },
      ropes: layerRopes(config, batch.positions),
      maskOf: (layer) => masks.get(windowOf(config, layer)) as Tensor,
    };
  }

  #forward(batch: TokenBatch, weights: DecoderWeights, dropout: DropoutMasks): ForwardPass {
    const { layers } = this.config;
    const context = this.#context(batch, weights, dropout);
    const perBlock = savedBytesPerToken(this.config, batch.length) * batch.tokens.length;
    const keepsAll = perBlock * layers <= this.#activationBudgetBytes;
    const inputs = [embedded(this.config, weights, batch.tokens, batch.positions)];
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
      const { y, ...saved } = this.#finalNorm(weights, inputs[this.config.layers] as Tensor);
      const headName = this.config.tiedHead ? EMBEDDING : HEAD;
      const wantsHead = window.wants(headName);
      const { loss, gradients } = crossEntropyWithGradients(y, headOf(weights), batch.labels, wantsHead);
      if (gradients.dHead !== null) {
        window.add(headName, this.config.tiedHead ? transposed(gradients.dHead) : gradients.dHead);
      }
      const tensor = (name: string): Tensor => weights.tensor(name);
      const dx = normBack(this.config, tensor, FINAL_NORM, gradients.dHidden, saved, window);
      return { loss, dx };
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

/** What the first block reads, [tokens, hidden]. */
export function embedded(
  config: DecoderConfig,
  weights: DecoderWeights,
  tokens: Int32Array,
  positions: Int32Array,
): Tensor {
  const { embeddingScale, positions: kind } = traitsOf(config);
  const rows = gatherRows(weights.tensor(EMBEDDING), tokens);
  const x = embeddingScale === 1 ? rows : scaled(rows, embeddingScale);
  return kind === 'learned' ? add(x, gatherRows(weights.tensor(POSITIONS), positions)) : x;
}

export function layerRopes(config: DecoderConfig, positions: Int32Array): LayerRopes {
  const { localRopeTheta } = traitsOf(config);
  return {
    all: ropeTables(positions, inverseFrequencies(config)),
    local: localRopeTheta === null ? null : ropeTables(positions, inverseFrequencies(config, true)),
  };
}
