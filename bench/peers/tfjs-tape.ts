// The peer to train against: a Llama-style decoder the way one writes it in plain tfjs. One tape over the whole step,
// one-hot cross-entropy, tf.train.adam, batched products. Same shapes and the same work as ours, none of our code.
import * as tf from '@tensorflow/tfjs';

export interface DecoderShape {
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ffnSize: number;
}

const EPSILON = 1e-5;
const ROPE_THETA = 10_000;

interface Layer {
  attentionNorm: tf.Variable;
  ffnNorm: tf.Variable;
  q: tf.Variable;
  k: tf.Variable;
  v: tf.Variable;
  o: tf.Variable;
  gate: tf.Variable;
  up: tf.Variable;
  down: tf.Variable;
}

/** A product that folds rows first: tfjs has no gradient for [B,T,C] x [C,K]. */
function linear(x: tf.Tensor3D, weight: tf.Tensor): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const flat = tf.matMul(x.reshape([batch * length, width]), weight);
  return flat.reshape([batch, length, -1]);
}

const rmsNorm = (x: tf.Tensor3D, weight: tf.Tensor) =>
  x.mul(x.square().mean(-1, true).add(EPSILON).rsqrt()).mul<tf.Tensor3D>(weight);

export class TapeDecoder {
  readonly #shape: DecoderShape;
  readonly #embedding: tf.Variable;
  readonly #finalNorm: tf.Variable;
  readonly #layers: Layer[];
  readonly #optimizer: tf.AdamOptimizer;

  constructor(shape: DecoderShape, learningRate: number) {
    this.#shape = shape;
    const { vocabSize, hiddenSize, heads, kvHeads, headDim, ffnSize } = shape;
    const matrix = (rows: number, columns: number) => tf.variable(tf.randomNormal([rows, columns], 0, 0.02));
    this.#embedding = matrix(vocabSize, hiddenSize);
    this.#finalNorm = tf.variable(tf.ones([hiddenSize]));
    this.#layers = Array.from({ length: shape.layers }, () => ({
      attentionNorm: tf.variable(tf.ones([hiddenSize])),
      ffnNorm: tf.variable(tf.ones([hiddenSize])),
      q: matrix(hiddenSize, heads * headDim),
      k: matrix(hiddenSize, kvHeads * headDim),
      v: matrix(hiddenSize, kvHeads * headDim),
      o: matrix(heads * headDim, hiddenSize),
      gate: matrix(hiddenSize, ffnSize),
      up: matrix(hiddenSize, ffnSize),
      down: matrix(ffnSize, hiddenSize),
    }));
    this.#optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  }

  #rotate(x: tf.Tensor4D): tf.Tensor4D {
    const length = x.shape[2];
    const half = this.#shape.headDim / 2;
    const angles = tf.tidy(() => {
      const frequencies = tf.pow(ROPE_THETA, tf.range(0, half).mul(-1 / half));
      return tf.range(0, length).expandDims(1).mul(frequencies.expandDims(0));
    });
    const [first, second] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
    const [cosine, sine] = [angles.cos(), angles.sin()];
    return tf.concat4d(
      [first.mul(cosine).sub(second.mul(sine)), second.mul(cosine).add(first.mul(sine))] as tf.Tensor4D[],
      3,
    );
  }

  #heads(x: tf.Tensor3D, count: number): tf.Tensor4D {
    const [batch, length] = x.shape;
    return x.reshape([batch, length, count, this.#shape.headDim]).transpose<tf.Tensor4D>([0, 2, 1, 3]);
  }

  #attention(x: tf.Tensor3D, layer: Layer, mask: tf.Tensor): tf.Tensor3D {
    const { heads, kvHeads, headDim } = this.#shape;
    const [batch, length] = x.shape;
    const query = this.#rotate(this.#heads(linear(x, layer.q), heads));
    const repeat = (kv: tf.Tensor4D) =>
      tf
        .stack(Array<tf.Tensor4D>(heads / kvHeads).fill(kv), 2)
        .reshape<tf.Tensor4D>([batch, heads, length, headDim]);
    const key = repeat(this.#rotate(this.#heads(linear(x, layer.k), kvHeads)));
    const value = repeat(this.#heads(linear(x, layer.v), kvHeads));
    const scores = tf.matMul(query, key, false, true).div(Math.sqrt(headDim)).add(mask);
    const mixed = tf.matMul(tf.softmax(scores), value).transpose([0, 2, 1, 3]);
    return linear(mixed.reshape([batch, length, heads * headDim]), layer.o);
  }

  #loss(tokens: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
    const { hiddenSize, vocabSize } = this.#shape;
    const [batch, length] = tokens.shape;
    const mask = tf.linalg
      .bandPart(tf.ones([length, length]), -1, 0)
      .sub(1)
      .mul(1e9);
    const oneHotTokens = tf.oneHot(tokens.flatten(), vocabSize).toFloat() as tf.Tensor2D;
    let hidden = tf.matMul(oneHotTokens, this.#embedding).reshape<tf.Tensor3D>([batch, length, hiddenSize]);
    for (const layer of this.#layers) {
      hidden = hidden.add(this.#attention(rmsNorm(hidden, layer.attentionNorm), layer, mask));
      const normed = rmsNorm(hidden, layer.ffnNorm);
      const gate = linear(normed, layer.gate);
      const activated = gate.mul(gate.sigmoid()).mul<tf.Tensor3D>(linear(normed, layer.up));
      hidden = hidden.add(linear(activated, layer.down));
    }
    const normed = rmsNorm(hidden, this.#finalNorm).reshape<tf.Tensor2D>([batch * length, hiddenSize]);
    const logits = tf.matMul(normed, this.#embedding, false, true);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(labels, vocabSize), logits).asScalar();
  }

  /** One optimizer step. @param tokens rows x length ids; @param labels next ids, row after row. @returns the loss. */
  async step(rows: number, tokens: Int32Array, labels: Int32Array): Promise<number> {
    const loss = tf.tidy((): tf.Scalar => {
      const ids = tf.tensor2d(tokens, [rows, tokens.length / rows], 'int32');
      const targets = tf.tensor1d(labels, 'int32');
      const cost = this.#optimizer.minimize(() => this.#loss(ids, targets), true);
      if (cost === null) throw new Error('tfjs returned no loss');
      return cost;
    });
    const [value = Number.NaN] = await loss.data();
    loss.dispose();
    return value;
  }

  dispose() {
    this.#optimizer.dispose();
    tf.dispose([this.#embedding, this.#finalNorm]);
    for (const layer of this.#layers) tf.dispose(Object.values(layer) as tf.Tensor[]);
  }
}
