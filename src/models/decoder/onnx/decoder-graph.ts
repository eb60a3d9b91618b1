// A decoder as an ONNX graph, in 32-bit floats or with projections in few bits, on the operators that onnxruntime has for
// decoders (GroupQueryAttention, RotaryEmbedding, SkipSimplifiedLayerNormalization). Names of inputs and outputs are those of
// Hugging Face's exports, which transformers.js reads. Pure: weights are read when the model's files are streamed.
import { GROUP_SIZE, isQuantisable, type LevelBits } from '../../../engine/planned';
import { AppError } from '../../../lib/errors';
import type { OnnxModel } from '../../../lib/formats/onnx';
import { MICROSOFT, OnnxGraph } from '../../../lib/formats/onnx-graph';
import type { LoraTarget } from '../../../protocol/models';
import type { WeightReader } from '../../file-layout';
import {
  rotatesLocally,
  traitsOf,
  windowOf,
  type DecoderConfig,
  type DecoderTraits,
} from '../decoder-config';
import {
  attentionNorm,
  attentionOutputNorm,
  biasOf,
  EMBEDDING,
  FINAL_NORM,
  hasBias,
  HEAD,
  headNorm,
  inputNorm,
  mlpOutputNorm,
  POSITIONS,
  projectionPath,
  projectionShape,
} from '../decoder-names';
import { graphInputs, graphOutputs, type OnnxForm } from './graph-form';
import { joinedVectors, projectionArray, quantisedArrays, rotationTable, storedArray } from './weight-arrays';

/** How projections are kept: as they are, or as levels of so many bits with a scale for each 32 of a row. */
export type OnnxStorage = 'f32' | 'int8' | 'int4';

const BITS: Record<Exclude<OnnxStorage, 'f32'>, LevelBits> = { int8: 8, int4: 4 };

const PRODUCER = 'fragua';
const INT64_MAX = 2n ** 63n - 1n;

/** Names of the attention's arguments that are the same in all blocks. */
interface AttentionInputs {
  lastIndex: string;
  totalLength: string;
  tables: RotationTables;
  /** Of the layers that rotate by angles of their own; null where all rotate alike. */
  localTables: RotationTables | null;
}

interface RotationTables {
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
  readonly #traits: DecoderTraits;
  readonly #read: WeightReader;
  readonly #form: OnnxForm;
  readonly #storage: OnnxStorage;
  readonly #graph = new OnnxGraph();

  constructor(config: DecoderConfig, read: WeightReader, form: OnnxForm, storage: OnnxStorage) {
    this.#config = config;
    this.#traits = traitsOf(config);
    this.#read = read;
    this.#form = form;
    this.#storage = storage;
  }

  build(): OnnxModel {
    const { layers } = this.#config;
    const attention = this.#attentionInputs();
    const hidden = this.#embedded();
    let stream = { hidden, normed: this.#norm('/model/layers.0/input_layernorm', hidden, inputNorm(0)) };
    for (let layer = 0; layer < layers; layer += 1) stream = this.#block(layer, stream, attention);
    this.#logits(stream.normed);
    return this.#graph.model(
      PRODUCER,
      'decoder',
      graphInputs(this.#config, this.#form),
      graphOutputs(this.#config, this.#form),
    );
  }

  #embedding(): string {
    const { vocabSize, hiddenSize } = this.#config;
    return this.#graph.array(storedArray(this.#read, EMBEDDING, [vocabSize, hiddenSize]));
  }

  /** Tokens, and their positions where these are learned. */
  #embedded(): string {
    const graph = this.#graph;
    const { contextLength, hiddenSize } = this.#config;
    const { embeddingScale, positions } = this.#traits;
    const tokens = graph.node('/model/embed_tokens/Gather', [this.#embedding(), 'input_ids']);
    const hidden =
      embeddingScale === 1
        ? tokens
        : graph.node('/model/embed_tokens/Mul', [tokens, graph.floats('embedding_scale', [embeddingScale])]);
    if (positions !== 'learned') return hidden;
    const table = graph.array(storedArray(this.#read, POSITIONS, [contextLength, hiddenSize]));
    const places = graph.node('/model/embed_positions/Gather', [table, 'position_ids']);
    return graph.node('/model/embed_positions/Add', [hidden, places]);
  }

  #vector(name: string, size: number): string {
    return this.#graph.array(storedArray(this.#read, name, [size]));
  }

  /** Weight, and bias where the model's norms have one. */
  #normWeights(name: string, size = this.#config.hiddenSize): string[] {
    const isBiased = this.#traits.norm === 'layer';
    return [name, ...(isBiased ? [biasOf(name)] : [])].map((vector) => this.#vector(vector, size));
  }

  #attentionInputs(): AttentionInputs {
    const form = this.#form;
    const rotation = {
      tables: this.#rotationTables('', false),
      localTables: this.#traits.localRopeTheta === null ? null : this.#rotationTables('local_', true),
    };
    if (form.kind !== 'portable') {
      return { lastIndex: 'seqlens_k', totalLength: 'total_sequence_length', ...rotation };
    }
    return { ...this.#maskLengths(), ...rotation };
  }

  #rotationTables(prefix: string, local: boolean): RotationTables {
    const form = this.#form;
    const positions = form.kind === 'static' ? form.capacity : this.#config.contextLength;
    // Where positions are learned nothing is rotated, and no node reads a table.
    const table = (name: string, turn: (angle: number) => number): string =>
      this.#traits.positions === 'learned'
        ? ''
        : this.#graph.array(rotationTable(`${prefix}${name}`, this.#config, positions, turn, local));
    return { cosine: table('cos_cache', Math.cos), sine: table('sin_cache', Math.sin) };
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

  /** @param size of what is normed, the last axis. */
  #norm(path: string, input: string, name: string, size = this.#config.hiddenSize): string {
    const epsilon = { float: this.#config.normEpsilon };
    const isRms = this.#traits.norm === 'rms';
    const node = `${path}/${isRms ? 'SimplifiedLayerNormalization' : 'LayerNormalization'}`;
    return this.#graph.node(node, [input, ...this.#normWeights(name, size)], {
      attributes: { axis: { int: -1 }, epsilon, ...(isRms ? { stash_type: { int: 1 } } : {}) },
    });
  }

  /** Sum of the stream and what a half block adds to it, and the norm of the sum. */
  #addAndNorm(path: string, hidden: string, added: string, weight: string): Stream {
    const kind = this.#traits.norm === 'rms' ? 'SkipSimplifiedLayerNormalization' : 'SkipLayerNormalization';
    const name = `${path}/${kind}`;
    const outputs = [`${name}/output_0`, '', '', `${name}/output_3`] as const;
    const normed = this.#graph.node(name, [hidden, added, ...this.#normWeights(weight)], {
      domain: MICROSOFT,
      attributes: { epsilon: { float: this.#config.normEpsilon } },
      outputs: [...outputs],
    });
    return { hidden: outputs[3], normed };
  }

  /** What a half block adds, normed first where the model does that. */
  #output(path: string, added: string, name: string): string {
    return this.#traits.outputNorms ? this.#norm(path, added, name) : added;
  }

  #block(layer: number, { hidden, normed }: Stream, attention: AttentionInputs): Stream {
    const { layers } = this.#config;
    const path = `/model/layers.${layer}`;
    const attended = this.#project(layer, ['o'], this.#attend(layer, normed, attention));
    const middle = this.#addAndNorm(
      `${path}/post_attention_layernorm`,
      hidden,
      this.#output(`${path}/attention_output_layernorm`, attended, attentionOutputNorm(layer)),
      attentionNorm(layer),
    );
    const down = this.#project(layer, ['down'], this.#activation(layer, middle.normed));
    const isLast = layer === layers - 1;
    return this.#addAndNorm(
      isLast ? '/model/norm' : `/model/layers.${layer + 1}/input_layernorm`,
      middle.hidden,
      this.#output(`${path}/mlp_output_layernorm`, down, mlpOutputNorm(layer)),
      isLast ? FINAL_NORM : inputNorm(layer + 1),
    );
  }

  /** What the last projection of a block reads. */
  #activation(layer: number, normed: string): string {
    const graph = this.#graph;
    const path = `/model/layers.${layer}/mlp`;
    /** GELU by its tanh. */
    const gelu = (x: string): string => graph.node(`${path}/act_fn/FastGelu`, [x], { domain: MICROSOFT });
    const { mlp } = this.#traits;
    if (mlp === 'gelu') return gelu(this.#project(layer, ['up'], normed));
    const [gate, up] = this.#gateAndUp(layer, normed);
    if (mlp === 'geglu') return graph.node(`${path}/Mul`, [gelu(gate), up]);
    const silu = graph.node(`${path}/act_fn/QuickGelu`, [gate], {
      domain: MICROSOFT,
      // x times sigmoid(alpha x): SiLU.
      attributes: { alpha: { float: 1 } },
    });
    return graph.node(`${path}/Mul`, [silu, up]);
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
    const total = [...rows.values()].reduce((sum, n) => sum + n, 0);
    const product = isKept
      ? this.#product(path, projection, [...rows.keys()], [width, total], input)
      : this.#productInBits(path, projection, rows, width, input);
    if (!targets.every((target) => hasBias(this.#config, target))) return product;
    const biases = joinedVectors(
      this.#read,
      `model.${projection}.Add.bias`,
      [...rows.keys()].map(biasOf),
      total,
    );
    return this.#graph.node(`${path}/Add`, [product, this.#graph.array(biases)]);
  }

  #product(
    path: string,
    projection: string,
    members: readonly string[],
    shape: [number, number],
    input: string,
  ): string {
    const weight = projectionArray(this.#read, `model.${projection}.MatMul.weight`, members, shape);
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
    const { heads, kvHeads, headSize } = this.#config;
    const path = `/model/layers.${layer}/attn`;
    const window = windowOf(this.#config, layer);
    const rotates = this.#form.kind !== 'portable';
    const past = [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`];
    const { cosine, sine } = this.#tablesOf(layer, attention);
    return this.#graph.node(
      `${path}/GroupQueryAttention`,
      [
        ...this.#states(layer, normed, attention),
        ...past,
        attention.lastIndex,
        attention.totalLength,
        ...(rotates ? [cosine, sine] : []),
      ],
      {
        domain: MICROSOFT,
        attributes: {
          num_heads: { int: heads },
          kv_num_heads: { int: kvHeads },
          scale: { float: 1 / Math.sqrt(headSize) },
          do_rotary: { int: rotates ? 1 : 0 },
          ...(window === null ? {} : { local_window_size: { int: window } }),
        },
        outputs: [`${path}/GroupQueryAttention/output_0`, `present.${layer}.key`, `present.${layer}.value`],
      },
    );
  }

  /** Queries, keys and values as the attention takes them: in one where it rotates them as they come. */
  #states(layer: number, normed: string, attention: AttentionInputs): string[] {
    const isPortable = this.#form.kind === 'portable';
    const { headNorms, positions } = this.#traits;
    if (!isPortable && !headNorms) return [this.#project(layer, ['q', 'k', 'v'], normed), '', ''];
    const turned = (of: 'q' | 'k'): string => {
      const path = `/model/layers.${layer}/attn/${of}`;
      const projected = this.#project(layer, [of], normed);
      const states = headNorms ? this.#normedHeads(layer, of, projected) : projected;
      if (!isPortable || positions === 'learned') return states;
      const { cosine, sine } = this.#tablesOf(layer, attention);
      return this.#graph.node(`${path}_rotary/RotaryEmbedding`, [states, 'position_ids', cosine, sine], {
        domain: MICROSOFT,
      });
    };
    return [turned('q'), turned('k'), this.#project(layer, ['v'], normed)];
  }

  #tablesOf(layer: number, { tables, localTables }: AttentionInputs): RotationTables {
    return (rotatesLocally(this.#config, layer) ? localTables : null) ?? tables;
  }

  /** Each head by itself: [batch, tokens * heads, headSize] in between. */
  #normedHeads(layer: number, of: 'q' | 'k', states: string): string {
    const graph = this.#graph;
    const { heads, kvHeads, headSize } = this.#config;
    const path = `/model/layers.${layer}/attn/${of}_norm`;
    const width = (of === 'q' ? heads : kvHeads) * headSize;
    const apart = graph.node(`${path}/heads/Reshape`, [states, graph.integers('heads', [0, -1, headSize])]);
    const normed = this.#norm(path, apart, headNorm(layer, of), headSize);
    return graph.node(`${path}/whole/Reshape`, [normed, graph.integers(`${of}_width`, [0, -1, width])]);
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
}

/** onnxruntime rotates within its attention only heads of such sizes. */
const FUSED_HEAD_STEP = 16;

/**
 * @param read gives weights by their names in the model's file; asked when the ONNX file is streamed, not here.
 * @param storage of the projections; those whose shape allows no few bits, the embedding and a head of its own stay f32.
 * @throws AppError `model.unsupported` for learned positions, and for head sizes, that forms with a cache in place cannot
 * have.
 */
export function decoderOnnx(
  config: DecoderConfig,
  read: WeightReader,
  form: OnnxForm,
  storage: OnnxStorage = 'f32',
): OnnxModel {
  if (form.kind !== 'portable' && traitsOf(config).positions === 'learned') {
    throw new AppError('model.unsupported', 'Learned positions have no form with a cache in place.', {
      remedy: 'Use the form whose cache grows.',
    });
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
