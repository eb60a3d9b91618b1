// A decoder as an ONNX graph, in 32-bit floats or with projections in few bits, on the operators that onnxruntime has for decoders (GroupQueryAttention,
// RotaryEmbedding, SkipSimplifiedLayerNormalization). Names of inputs and outputs are those of Hugging Face's exports,
// which transformers.js reads. Pure: weights are read when the model's files are streamed.
import { GROUP_SIZE, isQuantisable, type LevelBits } from '../../../engine/planned';
import { AppError } from '../../../lib/errors';
import type { OnnxModel, OnnxValue } from '../../../lib/formats/onnx';
import { MICROSOFT, OnnxGraph } from '../../../lib/formats/onnx-graph';
import type { LoraTarget } from '../../../protocol/models';
import type { WeightReader } from '../../file-layout';
import { isPlain, type DecoderConfig } from '../decoder-config';
import {
  attentionNorm,
  EMBEDDING,
  FINAL_NORM,
  HEAD,
  inputNorm,
  projectionPath,
  projectionShape,
} from '../decoder-names';
import { projectionArray, quantisedArrays, rotationTable, storedArray } from './weight-arrays';

/**
 * What the graph takes besides tokens and the cache.
 * - `given`: as `static`, for whoever holds all arrays: weights and tables are inputs of the graph, by the names of the
 *   arrays, and the cache may have any size. Weights that several sequences or adapters share are there once. The head is
 *   [hidden, vocab], gate and up lie side by side: products of one row with wide matrices, as they lie, are the fast ones.
 * - `portable`: attention_mask, position_ids and num_logits_to_keep, any batch and length, a cache that grows: what
 *   transformers.js feeds. Rows of a batch may be padded on the right only.
 * - `static`: one sequence whose cache has `capacity` positions and is written in place where the caller gives the same
 *   memory as past and present; lengths come as `seqlens_k` (tokens in all, less one) and `total_sequence_length`. Every
 *   size is known where `tokens`, those of a run, is a number, and nothing runs on the host: it can be captured.
 *   Logits are those after the last token, [1, vocab].
 */
export type OnnxForm =
  { kind: 'portable' } | { kind: 'static'; capacity: number; tokens: number | null } | { kind: 'given' };

/** How projections are kept: as they are, or as levels of so many bits with a scale for each 32 of a row. */
export type OnnxStorage = 'f32' | 'int8' | 'int4';

const BITS: Record<Exclude<OnnxStorage, 'f32'>, LevelBits> = { int8: 8, int4: 4 };

const PRODUCER = 'fragua';
const INT64_MAX = 2n ** 63n - 1n;

/** Names of the attention's arguments that are the same in all blocks. */
interface AttentionInputs {
  lastIndex: string;
  totalLength: string;
  cosine: string;
  sine: string;
}

/** A block's input before and after its first norm. */
interface Stream {
  hidden: string;
  normed: string;
}

class DecoderGraph {
  readonly #config: DecoderConfig;
  readonly #read: WeightReader;
  readonly #form: OnnxForm;
  readonly #storage: OnnxStorage;
  readonly #graph = new OnnxGraph();

  constructor(config: DecoderConfig, read: WeightReader, form: OnnxForm, storage: OnnxStorage) {
    this.#config = config;
    this.#read = read;
    this.#form = form;
    this.#storage = storage;
  }

  build(): OnnxModel {
    const { layers } = this.#config;
    const attention = this.#attentionInputs();
    const hidden = this.#graph.node('/model/embed_tokens/Gather', [this.#embedding(), 'input_ids']);
    let stream = { hidden, normed: this.#firstNorm(hidden) };
    for (let layer = 0; layer < layers; layer += 1) stream = this.#block(layer, stream, attention);
    this.#logits(stream.normed);
    return this.#graph.model(PRODUCER, 'decoder', this.#inputs(), this.#outputs());
  }

  #embedding(): string {
    const { vocabSize, hiddenSize } = this.#config;
    return this.#graph.array(storedArray(this.#read, EMBEDDING, [vocabSize, hiddenSize]));
  }

  #normWeight(name: string): string {
    return this.#graph.array(storedArray(this.#read, name, [this.#config.hiddenSize]));
  }

  #attentionInputs(): AttentionInputs {
    const form = this.#form;
    const table = (name: string, turn: (angle: number) => number): string => {
      const positions = form.kind === 'static' ? form.capacity : this.#config.contextLength;
      return this.#graph.array(rotationTable(name, this.#config, positions, turn));
    };
    const tables = { cosine: table('cos_cache', Math.cos), sine: table('sin_cache', Math.sin) };
    if (form.kind !== 'portable') {
      return { lastIndex: 'seqlens_k', totalLength: 'total_sequence_length', ...tables };
    }
    return { ...this.#maskLengths(), ...tables };
  }

  /** Lengths from a mask of ones and zeros, [batch, total]. */
  #maskLengths(): Pick<AttentionInputs, 'lastIndex' | 'totalLength'> {
    const graph = this.#graph;
    const path = '/model/attn_mask_reformat';
    const one = graph.integers('one', [1]);
    const cast = { attributes: { to: { int: 6 } } };
    const count = graph.node(`${path}/ReduceSum`, ['attention_mask', one], {
      attributes: { keepdims: { int: 0 } },
    });
    const last = graph.node(`${path}/Sub`, [count, one]);
    const shape = graph.node(`${path}/Shape`, ['attention_mask']);
    const total = graph.node(`${path}/Gather`, [shape, graph.integers('second', [1], true)]);
    return {
      lastIndex: graph.node(`${path}/seqlens_k/Cast`, [last], cast),
      totalLength: graph.node(`${path}/total_seq_len/Cast`, [total], cast),
    };
  }

  #firstNorm(hidden: string): string {
    return this.#graph.node(
      '/model/layers.0/input_layernorm/SimplifiedLayerNormalization',
      [hidden, this.#normWeight(inputNorm(0))],
      {
        attributes: {
          axis: { int: -1 },
          epsilon: { float: this.#config.normEpsilon },
          stash_type: { int: 1 },
        },
      },
    );
  }

  /** Sum of the stream and what a half block adds to it, and the norm of the sum. */
  #addAndNorm(path: string, hidden: string, added: string, weight: string): Stream {
    const name = `${path}/SkipSimplifiedLayerNormalization`;
    const outputs = [`${name}/output_0`, '', '', `${name}/output_3`] as const;
    const normed = this.#graph.node(name, [hidden, added, this.#normWeight(weight)], {
      domain: MICROSOFT,
      attributes: { epsilon: { float: this.#config.normEpsilon } },
      outputs: [...outputs],
    });
    return { hidden: outputs[3], normed };
  }

  #block(layer: number, { hidden, normed }: Stream, attention: AttentionInputs): Stream {
    const { layers } = this.#config;
    const path = `/model/layers.${layer}`;
    const attended = this.#attend(layer, normed, attention);
    const middle = this.#addAndNorm(
      `${path}/post_attention_layernorm`,
      hidden,
      this.#project(layer, ['o'], attended),
      attentionNorm(layer),
    );
    const [gated, up] = this.#gateAndUp(layer, middle.normed);
    const gate = this.#graph.node(`${path}/mlp/act_fn/QuickGelu`, [gated], {
      domain: MICROSOFT,
      // x times sigmoid(alpha x): SiLU.
      attributes: { alpha: { float: 1 } },
    });
    const down = this.#project(layer, ['down'], this.#graph.node(`${path}/mlp/Mul`, [gate, up]));
    const isLast = layer === layers - 1;
    const next = isLast ? '/model/norm' : `/model/layers.${layer + 1}/input_layernorm`;
    return this.#addAndNorm(next, middle.hidden, down, isLast ? FINAL_NORM : inputNorm(layer + 1));
  }

  #gateAndUp(layer: number, normed: string): [string, string] {
    if (this.#form.kind !== 'given') {
      return [this.#project(layer, ['gate'], normed), this.#project(layer, ['up'], normed)];
    }
    const path = `/model/layers.${layer}/mlp/gateup_proj/Split`;
    const outputs: [string, string] = [`${path}/output_0`, `${path}/output_1`];
    this.#graph.node(path, [this.#project(layer, ['gate', 'up'], normed)], {
      attributes: { axis: { int: -1 }, num_outputs: { int: 2 } },
      outputs,
    });
    return outputs;
  }

  /** The product of what `input` names with projections that lie side by side. */
  #project(layer: number, targets: readonly LoraTarget[], input: string): string {
    const { in: width } = projectionShape(this.#config, targets[0] ?? 'q');
    const rows = new Map(
      targets.map((target) => [
        `${projectionPath(layer, target)}.weight`,
        projectionShape(this.#config, target).out,
      ]),
    );
    const kind = ['gate', 'up', 'down'].includes(targets[0] ?? '') ? 'mlp' : 'attn';
    const projection = `layers.${layer}.${kind}.${targets.join('')}_proj`;
    const path = `/model/${projection.replace(`.${kind}.`, `/${kind}/`)}`;
    const isKept = this.#storage === 'f32' || ![...rows.values()].every((n) => isQuantisable([n, width]));
    if (!isKept) return this.#productInBits(path, projection, rows, width, input);
    const total = [...rows.values()].reduce((sum, n) => sum + n, 0);
    const name = `model.${projection}.MatMul.weight`;
    const weight = projectionArray(this.#read, name, [...rows.keys()], [width, total]);
    return this.#graph.node(`${path}/MatMul`, [input, this.#graph.array(weight)]);
  }

  #productInBits(
    path: string,
    projection: string,
    rows: ReadonlyMap<string, number>,
    width: number,
    input: string,
  ): string {
    const bits = BITS[this.#storage === 'int8' ? 'int8' : 'int4'];
    const name = `model.${projection}.MatMul.weight`;
    const { levels, scales } = quantisedArrays(this.#read, name, rows, width, bits);
    return this.#graph.node(
      `${path}/MatMulNBits`,
      [input, this.#graph.array(levels), this.#graph.array(scales)],
      {
        domain: MICROSOFT,
        attributes: {
          K: { int: width },
          N: { int: [...rows.values()].reduce((sum, n) => sum + n, 0) },
          bits: { int: bits },
          block_size: { int: GROUP_SIZE },
        },
      },
    );
  }

  #attend(layer: number, normed: string, attention: AttentionInputs): string {
    const { heads, kvHeads, headSize, slidingWindow = null } = this.#config;
    const path = `/model/layers.${layer}/attn`;
    const isFused = this.#form.kind !== 'portable';
    const states = isFused
      ? [this.#project(layer, ['q', 'k', 'v'], normed), '', '']
      : [
          this.#rotated(`${path}/q_rotary`, this.#project(layer, ['q'], normed), attention),
          this.#rotated(`${path}/k_rotary`, this.#project(layer, ['k'], normed), attention),
          this.#project(layer, ['v'], normed),
        ];
    const past = [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`];
    const tables = isFused ? [attention.cosine, attention.sine] : [];
    return this.#graph.node(
      `${path}/GroupQueryAttention`,
      [...states, ...past, attention.lastIndex, attention.totalLength, ...tables],
      {
        domain: MICROSOFT,
        attributes: {
          num_heads: { int: heads },
          kv_num_heads: { int: kvHeads },
          scale: { float: 1 / Math.sqrt(headSize) },
          do_rotary: { int: isFused ? 1 : 0 },
          ...(slidingWindow === null ? {} : { local_window_size: { int: slidingWindow } }),
        },
        outputs: [`${path}/GroupQueryAttention/output_0`, `present.${layer}.key`, `present.${layer}.value`],
      },
    );
  }

  #rotated(path: string, states: string, { cosine, sine }: AttentionInputs): string {
    return this.#graph.node(`${path}/RotaryEmbedding`, [states, 'position_ids', cosine, sine], {
      domain: MICROSOFT,
    });
  }

  /** The head reads the matrix as the file has it, [vocab, hidden], so that a tied one is the embedding itself. */
  #logits(normed: string): void {
    const { vocabSize, hiddenSize } = this.#config;
    const graph = this.#graph;
    const kept = this.#keptRows(normed);
    const rows = graph.node('/lm_head/flat/Reshape', [kept, graph.integers('rows', [-1, hiddenSize])]);
    if (this.#form.kind === 'given') {
      const source = this.#config.tiedHead ? EMBEDDING : HEAD;
      const turned = projectionArray(this.#read, 'lm_head.MatMul.weight', [source], [hiddenSize, vocabSize]);
      graph.node('/lm_head/MatMul', [rows, graph.array(turned)], { outputs: ['logits'] });
      return;
    }
    const matrix = this.#config.tiedHead
      ? this.#embedding()
      : graph.array(storedArray(this.#read, HEAD, [vocabSize, hiddenSize]));
    const product = (outputs?: string[]): string =>
      graph.node('/lm_head/Gemm', [rows, matrix], {
        attributes: { transB: { int: 1 } },
        ...(outputs === undefined ? {} : { outputs }),
      });
    // A reshape into memory of the caller's is a copy, which a captured run does not repeat.
    if (this.#form.kind === 'static') product(['logits']);
    else graph.node('/lm_head/Reshape', [product(), this.#logitsShape(kept)], { outputs: ['logits'] });
  }

  /** Of each sequence the last states, as many as logits are asked for. */
  #keptRows(normed: string): string {
    const graph = this.#graph;
    const form = this.#form;
    if (form.kind === 'static' && form.tokens === 1) return normed;
    const path = '/model/kept';
    const axis = graph.integers('axis', [1]);
    const start =
      form.kind !== 'portable'
        ? graph.integers('last', [-1])
        : graph.node(`${path}/Reshape`, [
            // The last 0 are all: the slice begins at 0 then.
            graph.node(`${path}/Neg`, ['num_logits_to_keep']),
            graph.integers('single', [1]),
          ]);
    return graph.node(`${path}/Slice`, [normed, start, graph.integers('end', [INT64_MAX]), axis]);
  }

  /** [batch, rows kept, vocab], of which the first two follow from the input. */
  #logitsShape(kept: string): string {
    const graph = this.#graph;
    const path = '/lm_head/shape';
    const leading = graph.node(`${path}/Shape`, [kept], {
      attributes: { start: { int: 0 }, end: { int: 2 } },
    });
    return graph.node(`${path}/Concat`, [leading, graph.integers('vocabulary', [this.#config.vocabSize])], {
      attributes: { axis: { int: 0 } },
    });
  }

  #inputs(): OnnxValue[] {
    const form = this.#form;
    if (form.kind !== 'portable') {
      const tokens = form.kind === 'static' ? (form.tokens ?? 'sequence_length') : 'sequence_length';
      const capacity = form.kind === 'static' ? form.capacity : 'capacity';
      return [
        { name: 'input_ids', type: 'int32', shape: [1, tokens] },
        { name: 'seqlens_k', type: 'int32', shape: [1] },
        { name: 'total_sequence_length', type: 'int32', shape: [1] },
        ...this.#cache('past_key_values', 1, capacity),
      ];
    }
    const perToken = ['batch_size', 'sequence_length'];
    return [
      { name: 'input_ids', type: 'int64', shape: perToken },
      { name: 'attention_mask', type: 'int64', shape: ['batch_size', 'total_sequence_length'] },
      { name: 'position_ids', type: 'int64', shape: perToken },
      { name: 'num_logits_to_keep', type: 'int64', shape: [] },
      ...this.#cache('past_key_values', 'batch_size', 'past_sequence_length'),
    ];
  }

  #outputs(): OnnxValue[] {
    const { vocabSize } = this.#config;
    const form = this.#form;
    if (form.kind !== 'portable') {
      return [
        { name: 'logits', type: 'float', shape: [1, vocabSize] },
        ...this.#cache('present', 1, form.kind === 'static' ? form.capacity : 'capacity'),
      ];
    }
    return [
      { name: 'logits', type: 'float', shape: ['batch_size', 'num_logits', vocabSize] },
      ...this.#cache('present', 'batch_size', 'total_sequence_length'),
    ];
  }

  #cache(prefix: string, batch: number | string, positions: number | string): OnnxValue[] {
    const { layers, kvHeads, headSize } = this.#config;
    const shape = [batch, kvHeads, positions, headSize];
    return Array.from({ length: layers }, (_, layer) =>
      ['key', 'value'].map((kind): OnnxValue => ({
        name: `${prefix}.${layer}.${kind}`,
        type: 'float',
        shape,
      })),
    ).flat();
  }
}

/** onnxruntime rotates within its attention only heads of such sizes. */
const FUSED_HEAD_STEP = 16;

/**
 * @param read gives weights by their names in the model's file; asked when the ONNX file is streamed, not here.
 * @param storage of the projections; those whose shape allows no few bits, the embedding and a head of its own stay f32.
 * @throws AppError `model.unsupported` for a model that is not as a Llama is, and for a head size that the static form
 * cannot have.
 */
export function decoderOnnx(
  config: DecoderConfig,
  read: WeightReader,
  form: OnnxForm,
  storage: OnnxStorage = 'f32',
): OnnxModel {
  if (!isPlain(config)) {
    throw new AppError(
      'model.unsupported',
      'Models with biases, or with other norms, activations or positions than Llama has, cannot be written as ONNX.',
      { details: { traits: config.traits }, remedy: 'Export as safetensors or GGUF.' },
    );
  }
  if (form.kind !== 'portable' && config.headSize % FUSED_HEAD_STEP !== 0) {
    throw new AppError(
      'model.unsupported',
      `Heads of size ${config.headSize} cannot be run with a cache in place; it takes multiples of ${FUSED_HEAD_STEP}.`,
      { details: { headSize: config.headSize }, remedy: 'Use the form whose cache grows.' },
    );
  }
  return new DecoderGraph(config, read, form, storage).build();
}
