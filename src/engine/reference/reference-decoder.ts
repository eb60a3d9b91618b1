// A decoder in 64-bit floats on the tape, written from the papers' formulas with Hugging Face's names: what every
// executor is compared with, in tests and in the self-test on the user's device. Slow; for tiny models only.
import { Matrix, Tape } from './tape';

/**
 * Where a family is not as Llama is. Biases, norms of heads and of outputs, and learned positions are there where the weights
 * have them.
 */
export interface ReferenceTraits {
  norm: 'rms' | 'layer';
  mlp: 'swiglu' | 'geglu' | 'gelu';
  embeddingScale: number;
  /** Layers of the window and of the local frequencies; null for all. */
  localLayers: readonly boolean[] | null;
  /** null where all layers rotate alike. */
  localInverseFrequencies: ArrayLike<number> | null;
}

const LLAMA: ReferenceTraits = {
  norm: 'rms',
  mlp: 'swiglu',
  embeddingScale: 1,
  localLayers: null,
  localInverseFrequencies: null,
};

export interface ReferenceConfig {
  traits?: ReferenceTraits;
  /** A token sees itself and the `slidingWindow - 1` before it; null or absent: all before it. */
  slidingWindow?: number | null;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Radians per position, headSize / 2 of them. */
  inverseFrequencies: ArrayLike<number>;
  epsilon: number;
  tiedHead: boolean;
  /** alpha / rank or alpha / sqrt(rank); LoRA matrices and magnitudes are found among the weights by name. */
  loraScale: number;
}

/** Weights by name in the shapes of the file; vectors are one row. */
export type ReferenceWeights = ReadonlyMap<string, { shape: readonly number[]; data: ArrayLike<number> }>;

export interface ReferenceBatch {
  rows: number;
  length: number;
  tokens: ArrayLike<number>;
  labels: ArrayLike<number>;
  positions: ArrayLike<number>;
  segments: ArrayLike<number>;
}

export interface ReferenceResult {
  /** Sum over labelled tokens, nats. */
  loss: number;
  /** [tokens, vocabulary] */
  logits: Float64Array;
  /** Gradient of the summed loss by every weight. */
  gradients: Map<string, Float64Array>;
}

const EMBEDDING = 'model.embed_tokens.weight';
const POSITIONS = 'model.embed_positions.weight';

class Decoder {
  readonly tape = new Tape();
  readonly matrices = new Map<string, Matrix>();
  readonly #config: ReferenceConfig;
  readonly #traits: ReferenceTraits;
  readonly #batch: ReferenceBatch;

  constructor(config: ReferenceConfig, weights: ReferenceWeights, batch: ReferenceBatch) {
    this.#config = config;
    this.#traits = config.traits ?? LLAMA;
    this.#batch = batch;
    for (const [name, { shape, data }] of weights) {
      const [rows, columns] = shape.length === 1 ? [1, shape[0] ?? 0] : [shape[0] ?? 0, shape[1] ?? 0];
      this.matrices.set(name, new Matrix(rows, columns, data));
    }
  }

  #weight(name: string): Matrix {
    const matrix = this.matrices.get(name);
    if (matrix === undefined) throw new RangeError(`The reference decoder has no weight ${name}.`);
    return matrix;
  }

  #linear(x: Matrix, path: string): Matrix {
    return this.#plusRow(this.#product(x, path), `${path}.bias`);
  }

  /** A vector added to every row, where there is one of that name. */
  #plusRow(x: Matrix, name: string): Matrix {
    const row = this.matrices.get(name);
    return row === undefined
      ? x
      : this.tape.add(
          x,
          this.tape.pick(row, x.rows, x.columns, () => 0),
        );
  }

  /** x W^T + scale (x A^T) B^T, with DoRA times magnitude / |W + scale B A| by output. */
  #product(x: Matrix, path: string): Matrix {
    const base = this.tape.timesTransposed(x, this.#weight(`${path}.weight`));
    const a = this.matrices.get(`${path}.lora_A.weight`);
    if (a === undefined) return base;
    const side = this.tape.timesTransposed(
      this.tape.timesTransposed(x, a),
      this.#weight(`${path}.lora_B.weight`),
    );
    const y = this.tape.add(
      base,
      this.tape.scale(side, () => this.#config.loraScale),
    );
    const magnitude = this.matrices.get(`${path}.lora_magnitude_vector`);
    if (magnitude === undefined) return y;
    const norms = this.#adaptedNorms(path, a);
    const spread = this.tape.pick(magnitude, y.rows, y.columns, () => 0);
    return this.tape.multiply(
      y,
      this.tape.scale(spread, (_, column) => 1 / (norms[column] ?? NaN)),
    );
  }

  /** Lengths of the rows of W + scale B A: numbers, not on the tape. */
  #adaptedNorms(path: string, a: Matrix): number[] {
    const [weight, b] = [this.#weight(`${path}.weight`), this.#weight(`${path}.lora_B.weight`)];
    return Array.from({ length: weight.rows }, (_, row) => {
      let squares = 0;
      for (let column = 0; column < weight.columns; column += 1) {
        let side = 0;
        for (let r = 0; r < a.rows; r += 1) side += b.at(row, r) * a.at(r, column);
        squares += (weight.at(row, column) + this.#config.loraScale * side) ** 2;
      }
      return Math.sqrt(squares);
    });
  }

  #norm(x: Matrix, name: string): Matrix {
    if (this.#traits.norm === 'rms') return this.#rmsNorm(x, name);
    const mean = this.tape.timesTransposed(
      x,
      new Matrix(1, x.columns, new Array(x.columns).fill(1 / x.columns)),
    );
    const away = this.tape.scale(
      this.tape.pick(
        mean,
        x.rows,
        x.columns,
        (row) => row,
        () => 0,
      ),
      () => -1,
    );
    // What is left after its mean has a root mean square that is its deviation.
    return this.#plusRow(this.#rmsNorm(this.tape.add(x, away), name), name.replace(/weight$/, 'bias'));
  }

  /** A norm that only some models have. */
  #normIfAny(x: Matrix, name: string): Matrix {
    return this.matrices.has(name) ? this.#norm(x, name) : x;
  }

  #rmsNorm(x: Matrix, name: string): Matrix {
    const { epsilon } = this.#config;
    const inverse = this.tape.map(
      this.tape.meanSquare(x),
      (mean) => 1 / Math.sqrt(mean + epsilon),
      (_, y) => -0.5 * y ** 3,
    );
    const spread = this.tape.pick(
      inverse,
      x.rows,
      x.columns,
      (row) => row,
      () => 0,
    );
    const weight = this.tape.pick(this.#weight(name), x.rows, x.columns, () => 0);
    return this.tape.multiply(this.tape.multiply(x, spread), weight);
  }

  #isLocal(layer: number): boolean {
    return this.#traits.localLayers === null || this.#traits.localLayers[layer] === true;
  }

  /** The columns of one head in one sequence. */
  #head(x: Matrix, row: number, head: number): Matrix {
    const { headSize } = this.#config;
    const { length } = this.#batch;
    const at = (r: number): number => row * length + r;
    return this.tape.pick(x, length, headSize, at, (c) => head * headSize + c);
  }

  /** A head of a query or key: normed where the model norms heads, then turned by position where positions turn. */
  #turned(part: Matrix, row: number, layer: number, of: 'q' | 'k'): Matrix {
    const normed = this.#normIfAny(part, `model.layers.${layer}.self_attn.${of}_norm.weight`);
    return this.matrices.has(POSITIONS) ? normed : this.#rotated(normed, row, layer);
  }

  #rotated(part: Matrix, row: number, layer: number): Matrix {
    const { headSize } = this.#config;
    const { length, positions } = this.#batch;
    const local = this.#isLocal(layer) ? this.#traits.localInverseFrequencies : null;
    const inverseFrequencies = local ?? this.#config.inverseFrequencies;
    const half = headSize / 2;
    const at = (r: number): number => row * length + r;
    const angle = (r: number, c: number): number =>
      (positions[at(r)] ?? NaN) * (inverseFrequencies[c % half] ?? NaN);
    const other = this.tape.pick(
      part,
      length,
      headSize,
      (r) => r,
      (c) => (c + half) % headSize,
    );
    return this.tape.add(
      this.tape.scale(part, (r, c) => Math.cos(angle(r, c))),
      this.tape.scale(other, (r, c) => (c < half ? -1 : 1) * Math.sin(angle(r, c))),
    );
  }

  #sequenceAttention(q: Matrix, k: Matrix, v: Matrix, row: number, layer: number): Matrix {
    const { heads, kvHeads, headSize } = this.#config;
    const { length, segments } = this.#batch;
    const segment = (i: number): number => segments[row * length + i] ?? -1;
    const near = (this.#isLocal(layer) ? this.#config.slidingWindow : null) ?? Infinity;
    const allowed = (query: number, key: number): boolean =>
      key <= query && query - key < near && segment(key) === segment(query);
    return this.tape.beside(
      Array.from({ length: heads }, (_, head) => {
        const shared = Math.floor((head * kvHeads) / heads);
        const scores = this.tape.timesTransposed(
          this.#turned(this.#head(q, row, head), row, layer, 'q'),
          this.#turned(this.#head(k, row, shared), row, layer, 'k'),
        );
        const scaled = this.tape.scale(scores, () => 1 / Math.sqrt(headSize));
        return this.tape.times(this.tape.softmax(scaled, allowed), this.#head(v, row, shared));
      }),
    );
  }

  /** Sequences do not see each other: each is attended apart, then they are stacked again. */
  #attention(x: Matrix, layer: number): Matrix {
    const { rows, length } = this.#batch;
    const prefix = `model.layers.${layer}.self_attn`;
    const [q, k, v] = ['q', 'k', 'v'].map((name) => this.#linear(x, `${prefix}.${name}_proj`));
    const parts = Array.from({ length: rows }, (_, row) =>
      this.#sequenceAttention(q as Matrix, k as Matrix, v as Matrix, row, layer),
    );
    const width = parts[0]?.columns ?? 0;
    const stacked = parts
      .map((part, row) => this.#placed(part, row, rows * length, width))
      .reduce((sum, part) => this.tape.add(sum, part));
    return this.#linear(stacked, `${prefix}.o_proj`);
  }

  /** A sequence's rows at their place among all, zeros elsewhere. */
  #placed(part: Matrix, row: number, tokens: number, width: number): Matrix {
    const { length } = this.#batch;
    const spread = this.tape.pick(part, tokens, width, (r) => r % length);
    return this.tape.scale(spread, (r) => (Math.floor(r / length) === row ? 1 : 0));
  }

  #mlp(x: Matrix, prefix: string): Matrix {
    const up = this.#linear(x, `${prefix}.up_proj`);
    return this.#linear(this.#activation(x, up, `${prefix}.gate_proj`), `${prefix}.down_proj`);
  }

  #activation(x: Matrix, up: Matrix, gatePath: string): Matrix {
    const { mlp } = this.#traits;
    if (mlp === 'gelu') return this.#gelu(up);
    const gate = this.#linear(x, gatePath);
    return this.tape.multiply(mlp === 'geglu' ? this.#gelu(gate) : this.#silu(gate), up);
  }

  #silu(x: Matrix): Matrix {
    const sigmoid = this.tape.map(
      x,
      (z) => 1 / (1 + Math.exp(-z)),
      (_, s) => s * (1 - s),
    );
    return this.tape.multiply(x, sigmoid);
  }

  /** By the hyperbolic tangent (Hendrycks and Gimpel 2016). */
  #gelu(x: Matrix): Matrix {
    const root = Math.sqrt(2 / Math.PI);
    const share = this.tape.map(
      x,
      (z) => 0.5 * (1 + Math.tanh(root * (z + 0.044715 * z ** 3))),
      (z, s) => 2 * s * (1 - s) * root * (1 + 3 * 0.044715 * z ** 2),
    );
    return this.tape.multiply(x, share);
  }

  #embedded(): Matrix {
    const { tokens, positions } = this.#batch;
    const table = this.#weight(EMBEDDING);
    const rows = this.tape.pick(table, tokens.length, table.columns, (row) => tokens[row] ?? 0);
    const scaled = this.tape.scale(rows, () => this.#traits.embeddingScale);
    const places = this.matrices.get(POSITIONS);
    if (places === undefined) return scaled;
    return this.tape.add(
      scaled,
      this.tape.pick(places, tokens.length, table.columns, (row) => positions[row] ?? 0),
    );
  }

  #block(x: Matrix, layer: number): Matrix {
    const prefix = `model.layers.${layer}`;
    const attended = this.#attention(this.#norm(x, `${prefix}.input_layernorm.weight`), layer);
    const h = this.tape.add(x, this.#normIfAny(attended, `${prefix}.attention_output_layernorm.weight`));
    const y = this.#mlp(this.#norm(h, `${prefix}.post_attention_layernorm.weight`), `${prefix}.mlp`);
    return this.tape.add(h, this.#normIfAny(y, `${prefix}.mlp_output_layernorm.weight`));
  }

  logits(): Matrix {
    let x = this.#embedded();
    for (let layer = 0; layer < this.#config.layers; layer += 1) x = this.#block(x, layer);
    const head = this.#weight(this.#config.tiedHead ? EMBEDDING : 'lm_head.weight');
    return this.tape.timesTransposed(this.#norm(x, 'model.norm.weight'), head);
  }
}

/** Loss, logits and all gradients of a batch. */
export function referenceDecoder(
  config: ReferenceConfig,
  weights: ReferenceWeights,
  batch: ReferenceBatch,
): ReferenceResult {
  const decoder = new Decoder(config, weights, batch);
  const logits = decoder.logits();
  const loss = decoder.tape.crossEntropy(logits, batch.labels);
  decoder.tape.backward(loss);
  const gradients = new Map<string, Float64Array>();
  for (const [name, matrix] of decoder.matrices) gradients.set(name, matrix.gradient);
  return { loss: loss.data[0] ?? NaN, logits: logits.data, gradients };
}
