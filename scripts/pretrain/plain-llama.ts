// A Llama decoder in plain TypeScript, one token at a time, straight from a weights file: it shares no code with the
// engine, so that agreement of the two says something about the file. Small models only.
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import type { NamedArrays } from './weights-file';

interface LayerCache {
  keys: Float64Array[];
  values: Float64Array[];
}

export class PlainLlama {
  readonly #config: DecoderConfig;
  readonly #weights: NamedArrays;
  readonly #cache: LayerCache[];

  constructor(config: DecoderConfig, weights: NamedArrays) {
    this.#config = config;
    this.#weights = weights;
    this.#cache = Array.from({ length: config.layers }, () => ({ keys: [], values: [] }));
  }

  /** Logits after this token, [vocabSize]; its keys and values are kept. */
  feed(token: number): Float32Array<ArrayBuffer> {
    const { hiddenSize, layers, vocabSize } = this.#config;
    const embedding = this.#weight('model.embed_tokens.weight');
    let x: Float64Array = Float64Array.from(embedding.subarray(token * hiddenSize, (token + 1) * hiddenSize));
    for (let layer = 0; layer < layers; layer += 1) {
      const name = `model.layers.${layer}`;
      x = sum(x, this.#attention(layer, this.#norm(x, `${name}.input_layernorm.weight`)));
      x = sum(x, this.#mlp(name, this.#norm(x, `${name}.post_attention_layernorm.weight`)));
    }
    const last = this.#norm(x, 'model.norm.weight');
    return Float32Array.from(multiply(embedding, last, vocabSize));
  }

  #weight(name: string): Float32Array {
    const array = this.#weights.get(name);
    if (array === undefined) throw new Error(`The weights file has no ${name}.`);
    return array.data;
  }

  #norm(x: Float64Array, name: string): Float64Array {
    const weight = this.#weight(name);
    const meanSquare = x.reduce((total, value) => total + value * value, 0) / x.length;
    const scale = 1 / Math.sqrt(meanSquare + this.#config.normEpsilon);
    return x.map((value, index) => value * scale * at(weight, index));
  }

  #attention(layer: number, n: Float64Array): Float64Array {
    const { heads, kvHeads, headSize, hiddenSize } = this.#config;
    const name = `model.layers.${layer}.self_attn`;
    const cache = this.#cache[layer] ?? { keys: [], values: [] };
    const position = cache.keys.length;
    const project = (part: string, width: number): Float64Array =>
      multiply(this.#weight(`${name}.${part}_proj.weight`), n, width);
    const query = this.#rotate(project('q', heads * headSize), position);
    cache.keys.push(this.#rotate(project('k', kvHeads * headSize), position));
    cache.values.push(project('v', kvHeads * headSize));
    const attended = new Float64Array(heads * headSize);
    for (let head = 0; head < heads; head += 1) this.#attend(query, cache, head, attended);
    return multiply(this.#weight(`${name}.o_proj.weight`), attended, hiddenSize);
  }

  /** One head: softmax(q k / sqrt(headSize)) v over all kept positions. */
  #attend(query: Float64Array, cache: LayerCache, head: number, attended: Float64Array): void {
    const { heads, kvHeads, headSize } = this.#config;
    const shared = Math.floor(head / (heads / kvHeads)) * headSize;
    const q = query.subarray(head * headSize, (head + 1) * headSize);
    const scores = cache.keys.map(
      (key) =>
        q.reduce((total, value, index) => total + value * at(key, shared + index), 0) / Math.sqrt(headSize),
    );
    const highest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - highest));
    const total = weights.reduce((a, b) => a + b, 0);
    for (const [past, weight] of weights.entries()) {
      const value = cache.values[past] ?? new Float64Array();
      for (let index = 0; index < headSize; index += 1) {
        const slot = head * headSize + index;
        attended[slot] = at(attended, slot) + (weight / total) * at(value, shared + index);
      }
    }
  }

  /** Rotates each pair (i, i + headSize / 2) by position * theta^(-2 i / headSize) (Su et al. 2021; half split). */
  #rotate(x: Float64Array, position: number): Float64Array {
    const { headSize, ropeTheta } = this.#config;
    const half = headSize / 2;
    return x.map((value, index) => {
      const inHead = index % headSize;
      const angle = position * ropeTheta ** ((-2 * (inHead % half)) / headSize);
      const partner = inHead < half ? -at(x, index + half) : at(x, index - half);
      return value * Math.cos(angle) + partner * Math.sin(angle);
    });
  }

  #mlp(name: string, m: Float64Array): Float64Array {
    const { intermediateSize, hiddenSize } = this.#config;
    const gate = multiply(this.#weight(`${name}.mlp.gate_proj.weight`), m, intermediateSize);
    const up = multiply(this.#weight(`${name}.mlp.up_proj.weight`), m, intermediateSize);
    const activation = gate.map((value, index) => (value / (1 + Math.exp(-value))) * at(up, index));
    return multiply(this.#weight(`${name}.mlp.down_proj.weight`), activation, hiddenSize);
  }
}

function at(array: Float32Array | Float64Array, index: number): number {
  return array[index] ?? 0;
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, index) => value + at(b, index));
}

/** weight [rows, x.length] times x. */
function multiply(weight: Float32Array, x: Float64Array, rows: number): Float64Array {
  const result = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    let total = 0;
    for (let column = 0; column < x.length; column += 1)
      total += at(weight, row * x.length + column) * at(x, column);
    result[row] = total;
  }
  return result;
}
