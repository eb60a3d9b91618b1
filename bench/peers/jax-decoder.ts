// The peer that compiles: the same decoder in jax-js on WebGPU. Loss, gradients and AdamW are one function under `jit`,
// so it fuses what it can. Every function takes over its arrays (jax-js counts references); `.ref` keeps one.
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import type { TokenBatch } from '../../src/protocol/batches';
import { forProducts, ropeTables, type Start } from './start';

type Arrays = Record<string, np.Array>;
/** What learns, its moments, and what does not: frozen weights, tables of the rotation. */
interface State {
  trained: Arrays;
  moment1: Arrays;
  moment2: Arrays;
  frozen: Arrays;
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
const EMBEDDING = 'model.embed_tokens.weight';

/** Forward pass over weights by name; takes a reference of each array whenever it is read. */
class Forward {
  readonly #config: DecoderConfig;
  readonly #arrays: Arrays;
  readonly #scale: number | null;
  readonly #shape: { rows: number; length: number };

  constructor(config: DecoderConfig, arrays: Arrays, scale: number | null, shape: Forward['shape']) {
    this.#config = config;
    this.#arrays = arrays;
    this.#scale = scale;
    this.#shape = shape;
  }

  get shape() {
    return this.#shape;
  }

  /** Mean cross-entropy over all tokens. */
  loss(tokens: np.Array, labels: np.Array): np.Array {
    let hidden = np.take(this.#read(EMBEDDING), tokens, 0);
    for (let layer = 0; layer < this.#config.layers; layer += 1) {
      hidden = this.#block(hidden, `model.layers.${layer}`);
    }
    const logits = np.matmul(this.#norm(hidden, 'model.norm.weight'), this.#read(EMBEDDING).transpose());
    const ids = np.arange(this.#config.vocabSize);
    const isLabel = np.expandDims(labels, 1).equal(np.expandDims(ids, 0));
    const picked = np.where(isLabel, logits.ref, 0).sum(-1);
    return nn.logsumexp(logits, -1).sub(picked).mean();
  }

  #read(name: string): np.Array {
    const array = this.#arrays[name];
    if (array === undefined) throw new Error(`The peer has no ${name}.`);
    return array.ref;
  }

  #norm(x: np.Array, name: string): np.Array {
    const meanSquare = np.square(x.ref).mean(-1, { keepdims: true });
    const scale = np.reciprocal(np.sqrt(meanSquare.add(this.#config.normEpsilon)));
    return x.mul(scale).mul(this.#read(name));
  }

  #linear(x: np.Array, path: string): np.Array {
    if (this.#scale === null) return np.matmul(x, this.#read(`${path}.weight`));
    const base = np.matmul(x.ref, this.#read(`${path}.weight`));
    const low = np.matmul(x, this.#read(`${path}.lora_A.weight`));
    return base.add(np.matmul(low, this.#read(`${path}.lora_B.weight`)).mul(this.#scale));
  }

  /** @param x [rows, length, heads, headSize] */
  #rotate(x: np.Array): np.Array {
    const [first, second] = np.split(x, 2, -1) as [np.Array, np.Array];
    const [cosine, sine] = [this.#read('cosine'), this.#read('sine')];
    const turned = first.ref.mul(cosine.ref).sub(second.ref.mul(sine.ref));
    return np.concatenate([turned, second.mul(cosine).add(first.mul(sine))], -1);
  }

  #attention(x: np.Array, path: string): np.Array {
    const { heads, kvHeads, headSize } = this.#config;
    const { rows, length } = this.#shape;
    const split = (projected: np.Array, count: number) => projected.reshape([rows, length, count, headSize]);
    const query = this.#rotate(split(this.#linear(x.ref, `${path}.q_proj`), heads));
    const key = this.#rotate(split(this.#linear(x.ref, `${path}.k_proj`), kvHeads));
    const value = split(this.#linear(x, `${path}.v_proj`), kvHeads);
    const mixed = nn.dotProductAttention(query, key, value, { isCausal: true });
    return this.#linear(mixed.reshape([rows * length, heads * headSize]), `${path}.o_proj`);
  }

  #block(hidden: np.Array, path: string): np.Array {
    const normed = this.#norm(hidden.ref, `${path}.input_layernorm.weight`);
    const attended = hidden.add(this.#attention(normed, `${path}.self_attn`));
    const inner = this.#norm(attended.ref, `${path}.post_attention_layernorm.weight`);
    const gate = nn.silu(this.#linear(inner.ref, `${path}.mlp.gate_proj`));
    const activated = gate.mul(this.#linear(inner, `${path}.mlp.up_proj`));
    return attended.add(this.#linear(activated, `${path}.mlp.down_proj`));
  }
}

/** One AdamW step without decay over all arrays. @param rates learning rate / (1 - b1^t) and 1 / (1 - b2^t) */
function adam(state: Omit<State, 'frozen'>, gradients: Arrays, rates: np.Array): Omit<State, 'frozen'> {
  const [rate, correction] = np.split(rates, 2) as [np.Array, np.Array];
  const next: Omit<State, 'frozen'> = { trained: {}, moment1: {}, moment2: {} };
  for (const [name, value] of Object.entries(state.trained)) {
    const [gradient, old1, old2] = [gradients[name], state.moment1[name], state.moment2[name]];
    if (gradient === undefined || old1 === undefined || old2 === undefined) throw new Error(`No ${name}.`);
    const moment1 = old1.mul(BETA1).add(gradient.ref.mul(1 - BETA1));
    const moment2 = old2.mul(BETA2).add(np.square(gradient).mul(1 - BETA2));
    const deviation = np.sqrt(moment2.ref.mul(correction.ref)).add(EPSILON);
    next.trained[name] = value.sub(moment1.ref.mul(rate.ref).div(deviation));
    next.moment1[name] = moment1;
    next.moment2[name] = moment2;
  }
  rate.dispose();
  correction.dispose();
  return next;
}

function stepFunction({ config, lora }: Start, shape: Forward['shape']) {
  const loss = (trained: Arrays, frozen: Arrays, tokens: np.Array, labels: np.Array): np.Array => {
    const forward = new Forward(config, { ...frozen, ...trained }, lora?.scale ?? null, shape);
    const value = forward.loss(tokens, labels);
    tree.dispose([trained, frozen]);
    return value;
  };
  return jit(({ frozen, ...state }: State, rates: np.Array, tokens: np.Array, labels: np.Array) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(state.trained), frozen, tokens, labels);
    return { loss: value, ...adam(state, gradients, rates) };
  });
}

export class JaxDecoder {
  readonly #start: Start;
  readonly #frozen: Arrays = {};
  #trained: Arrays = {};
  #moment1: Arrays = {};
  #moment2: Arrays = {};
  #step: ReturnType<typeof stepFunction> | null = null;
  #steps = 0;

  private constructor(start: Start) {
    this.#start = start;
    const arrays = start.lora?.arrays ?? start.weights;
    for (const [name, file] of new Map([...start.weights, ...(start.lora?.arrays ?? [])])) {
      const { shape, data } = forProducts(name, file);
      const array = np.array(data, { shape });
      if (!arrays.has(name)) this.#frozen[name] = array;
      else {
        this.#trained[name] = array;
        this.#moment1[name] = np.zeros(shape);
        this.#moment2[name] = np.zeros(shape);
      }
    }
  }

  /** @throws Error where jax-js finds no WebGPU. */
  static async create(start: Start): Promise<JaxDecoder> {
    const devices = await init('webgpu');
    if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU.');
    defaultDevice('webgpu');
    return new JaxDecoder(start);
  }

  /** One optimizer step. @returns the loss. */
  async step({ rows, length, tokens, labels }: TokenBatch): Promise<number> {
    this.#step ??= this.#compile(rows, length);
    this.#steps += 1;
    const rate = this.#start.learningRate / (1 - BETA1 ** this.#steps);
    const rates = np.array([rate, 1 / (1 - BETA2 ** this.#steps)]);
    const state = {
      trained: this.#trained,
      moment1: this.#moment1,
      moment2: this.#moment2,
      frozen: tree.ref(this.#frozen),
    };
    const ids = (data: Int32Array<ArrayBuffer>) => np.array(data, { dtype: np.int32 });
    const { loss, ...next } = this.#step(state, rates, ids(tokens), ids(labels));
    this.#trained = next.trained;
    this.#moment1 = next.moment1;
    this.#moment2 = next.moment2;
    const [value = Number.NaN] = await loss.data();
    return value;
  }

  dispose() {
    this.#step?.dispose();
    tree.dispose([this.#trained, this.#moment1, this.#moment2, this.#frozen]);
  }

  #compile(rows: number, length: number) {
    const { cosine, sine, half } = ropeTables(this.#start.config, length);
    this.#frozen['cosine'] = np.array(cosine, { shape: [length, 1, half] });
    this.#frozen['sine'] = np.array(sine, { shape: [length, 1, half] });
    return stepFunction(this.#start, { rows, length });
  }
}
