// The peer to train against: a Llama-style decoder the way one writes it in plain tfjs. One tape over the whole step,
// one-hot cross-entropy, tf.train.adam, batched products. Same weights and the same work as ours, none of our code.
import * as tf from '@tensorflow/tfjs';
import type { TokenBatch } from '../../src/protocol/batches';
import { forProducts, ropeTables, type Start } from './start';

interface Tables {
  cosine: tf.Tensor;
  sine: tf.Tensor;
  mask: tf.Tensor;
}

export class TapeDecoder {
  readonly #start: Start;
  readonly #tensors = new Map<string, tf.Tensor>();
  readonly #trained: tf.Variable[] = [];
  readonly #optimizer: tf.AdamOptimizer;
  #tables: Tables | null = null;

  constructor(start: Start) {
    this.#start = start;
    const add = (name: string, { shape, data }: { shape: number[]; data: Float32Array }, trains: boolean) => {
      const tensor = tf.tensor(data, shape);
      if (!trains) return this.#tensors.set(name, tensor);
      const variable = tf.variable(tensor);
      tensor.dispose();
      this.#trained.push(variable);
      return this.#tensors.set(name, variable);
    };
    for (const [name, array] of start.weights) add(name, forProducts(name, array), start.lora === null);
    for (const [name, array] of start.lora?.arrays ?? []) add(name, forProducts(name, array), true);
    this.#optimizer = tf.train.adam(start.learningRate, 0.9, 0.999, 1e-8);
  }

  /** One optimizer step. @returns the loss. */
  async step({ rows, length, tokens, labels }: TokenBatch): Promise<number> {
    this.#tables ??= this.#makeTables(length);
    const loss = tf.tidy((): tf.Scalar => {
      const [ids, targets] = [tf.tensor1d(tokens, 'int32'), tf.tensor1d(labels, 'int32')];
      const forward = () => this.#loss(ids, targets, rows, length);
      const cost = this.#optimizer.minimize(forward, true, this.#trained);
      if (cost === null) throw new Error('tfjs returned no loss');
      return cost;
    });
    const [value = Number.NaN] = await loss.data();
    loss.dispose();
    return value;
  }

  dispose() {
    this.#optimizer.dispose();
    tf.dispose([...this.#tensors.values()]);
    if (this.#tables !== null) tf.dispose(Object.values(this.#tables) as tf.Tensor[]);
  }

  #makeTables(length: number): Tables {
    const { cosine, sine, half } = ropeTables(this.#start.config, length);
    return tf.tidy(() => ({
      cosine: tf.tensor2d(cosine, [length, half]),
      sine: tf.tensor2d(sine, [length, half]),
      mask: tf.linalg
        .bandPart(tf.ones([length, length]), -1, 0)
        .sub(1)
        .mul(1e9),
    }));
  }

  #tensor(name: string): tf.Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`The peer has no ${name}.`);
    return tensor;
  }

  #norm(x: tf.Tensor2D, name: string): tf.Tensor2D {
    const scale = x.square().mean(-1, true).add(this.#start.config.normEpsilon).rsqrt();
    return x.mul(scale).mul(this.#tensor(name));
  }

  /** @param x [tokens, in]; two dimensions, because tfjs has no gradient for three by two. */
  #linear(x: tf.Tensor2D, path: string): tf.Tensor2D {
    const base = tf.matMul(x, this.#tensor(`${path}.weight`));
    const { lora } = this.#start;
    if (lora === null) return base as tf.Tensor2D;
    const low = tf.matMul(x, this.#tensor(`${path}.lora_A.weight`));
    return base.add(tf.matMul(low, this.#tensor(`${path}.lora_B.weight`)).mul(lora.scale));
  }

  /** @param x [batch, heads, length, headSize] */
  #rotate(x: tf.Tensor4D): tf.Tensor4D {
    const { cosine, sine } = this.#tables as Tables;
    const [first, second] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
    return tf.concat4d(
      [first.mul(cosine).sub(second.mul(sine)), second.mul(cosine).add(first.mul(sine))] as tf.Tensor4D[],
      3,
    );
  }

  #attention(x: tf.Tensor2D, path: string, rows: number, length: number): tf.Tensor2D {
    const { heads, kvHeads, headSize } = this.#start.config;
    const split = (projection: string, count: number) =>
      this.#linear(x, `${path}.${projection}_proj`)
        .reshape([rows, length, count, headSize])
        .transpose<tf.Tensor4D>([0, 2, 1, 3]);
    const repeat = (kv: tf.Tensor4D) =>
      heads === kvHeads
        ? kv
        : tf
            .stack(Array<tf.Tensor4D>(heads / kvHeads).fill(kv), 2)
            .reshape<tf.Tensor4D>([rows, heads, length, headSize]);
    const query = this.#rotate(split('q', heads));
    const key = repeat(this.#rotate(split('k', kvHeads)));
    const scores = tf.matMul(query, key, false, true).mul(1 / Math.sqrt(headSize));
    const masked = tf.softmax(scores.add((this.#tables as Tables).mask));
    const mixed = tf.matMul(masked, repeat(split('v', kvHeads))).transpose([0, 2, 1, 3]);
    return this.#linear(mixed.reshape([rows * length, heads * headSize]), `${path}.o_proj`);
  }

  #loss(tokens: tf.Tensor1D, labels: tf.Tensor1D, rows: number, length: number): tf.Scalar {
    const { layers, vocabSize } = this.#start.config;
    const embedding = this.#tensor('model.embed_tokens.weight') as tf.Tensor2D;
    let hidden = tf.gather(embedding, tokens);
    for (let layer = 0; layer < layers; layer += 1) {
      const path = `model.layers.${layer}`;
      const normed = this.#norm(hidden, `${path}.input_layernorm.weight`);
      hidden = hidden.add(this.#attention(normed, `${path}.self_attn`, rows, length));
      const inner = this.#norm(hidden, `${path}.post_attention_layernorm.weight`);
      const gate = this.#linear(inner, `${path}.mlp.gate_proj`);
      const activated = gate.mul(gate.sigmoid()).mul<tf.Tensor2D>(this.#linear(inner, `${path}.mlp.up_proj`));
      hidden = hidden.add(this.#linear(activated, `${path}.mlp.down_proj`));
    }
    const logits = tf.matMul(this.#norm(hidden, 'model.norm.weight'), embedding, false, true);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(labels, vocabSize), logits).asScalar();
  }
}
