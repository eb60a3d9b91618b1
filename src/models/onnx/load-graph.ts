// An opened ONNX decoder on its way into onnxruntime: on the GPU where that works and computes right, else on the CPU, with the
// reason told. The caller disposes of what it gets.
import type { GraphRunner } from '../../engine/ort/graph-runner';
import { AppError, messageOf } from '../../lib/errors';
import type { ModelRecord } from '../../protocol/models';
import type { OpenedDecoder, OpenedEncoder, OpenedGraph, OpenedVision } from '../reading/opened-model';
import { ONNX_GRAPH } from '../reading/weight-files';
import { checkDecoder } from './check-decoder';
import type { DecoderScheme } from './decoder-scheme';
import { GraphEmbedder, type GraphEmbedderParts } from './graph-embedder';
import { GraphModel, type GraphModelParts } from './graph-model';
import { GraphPictureEncoder } from './graph-picture-encoder';
import { OnnxDecodeSession } from './onnx-decode-session';

/** What is opened: the graph's file, and those with its weights by the names that it has for them. */
export interface GraphFiles {
  graph: Blob;
  data: readonly { name: string; content: Blob }[];
  /** Outputs that the next run takes. */
  kept: readonly string[];
}

/** Ways to run a graph, the preferred one first. */
export interface GraphWay {
  provider: 'webgpu' | 'wasm';
  /** Tokens that are read to see whether it computes right. */
  checkedTokens: number;
  open: (files: GraphFiles) => Promise<GraphRunner>;
}

/** Opens ONNX graphs; asked when one is loaded, as the device may change. */
export type OpenGraph = () => readonly GraphWay[];

export type LoadedParts = Pick<GraphModelParts, 'record' | 'tokenizer' | 'chatTemplate' | 'stopTokenIds'>;

export function filesOfGraph({ weights }: OpenedGraph, kept: readonly string[]): GraphFiles {
  const [graph, ...data] = weights;
  if (graph?.name !== ONNX_GRAPH) throw new AppError('internal', 'An ONNX model has no graph.');
  return { graph: graph.blob, data: data.map(({ name, blob }) => ({ name, content: blob })), kept };
}

/** @throws AppError `model.unsupported`, `engine.out-of-memory`: what the last way of running it says. */
export async function loadGraph(
  opened: OpenedDecoder,
  parts: LoadedParts,
  graphs: OpenGraph | undefined,
): Promise<GraphModel> {
  const { scheme, contextLength } = opened;
  const files = filesOfGraph(
    opened,
    scheme.caches.map(({ present }) => present),
  );
  const { runner, vocabSize, note } = await firstThatWorks(graphs?.() ?? [], async (way) => {
    const open = await way.open(files);
    const length = Math.min(way.checkedTokens, contextLength);
    return { runner: open, vocabSize: await checked(open, scheme, contextLength, length) };
  });
  return new GraphModel({ ...parts, runner, scheme, contextLength, vocabSize, note });
}

/** What is read to see whether an encoder computes right. */
const TRIED = 'a b c';

/** @throws AppError as `loadGraph`. */
export async function loadEmbedder(
  opened: OpenedEncoder,
  parts: Pick<GraphEmbedderParts, 'record' | 'tokenizer'>,
  graphs: OpenGraph | undefined,
): Promise<GraphEmbedder> {
  const { scheme, embedding: config, contextLength: maxTokens } = opened;
  const files = filesOfGraph(opened, []);
  const { embedder } = await firstThatWorks(graphs?.() ?? [], async (way) => {
    const runner = await way.open(files);
    const embedder = new GraphEmbedder({ ...parts, runner, scheme, config, maxTokens });
    try {
      const { vectors } = await embedder.embed([TRIED]);
      if (vectors.every((vector) => vector.every(Number.isFinite))) return { embedder };
      throw new AppError('model.unsupported', 'The ONNX graph gives vectors that are not finite.', {
        remedy: 'Choose another variant of the model: one in 32-bit floats.',
      });
    } catch (error) {
      embedder.dispose();
      throw error;
    }
  });
  return embedder;
}

/** @throws AppError as `loadGraph`. */
export async function loadPictureEncoder(
  opened: OpenedVision,
  record: ModelRecord,
  graphs: OpenGraph | undefined,
): Promise<GraphPictureEncoder> {
  const files = filesOfGraph(opened, []);
  const { runner } = await firstThatWorks(graphs?.() ?? [], async (way) => ({
    runner: await way.open(files),
  }));
  return new GraphPictureEncoder({ record, runner, scheme: opened.scheme });
}

/** The last failure is thrown, earlier ones are told of. */
export async function firstThatWorks<T>(
  ways: readonly GraphWay[],
  run: (way: GraphWay) => Promise<T>,
): Promise<T & { note: string | null }> {
  let note: string | null = null;
  for (const [index, way] of ways.entries()) {
    try {
      return { ...(await run(way)), note };
    } catch (error) {
      if (index === ways.length - 1) throw error;
      note = `It does not run on ${way.provider} here: ${messageOf(error)}`;
    }
  }
  throw new AppError('model.unsupported', 'ONNX models are not run here.', {
    remedy: 'Open the page in a browser.',
  });
}

async function checked(
  runner: GraphRunner,
  scheme: DecoderScheme,
  contextLength: number,
  length: number,
): Promise<number> {
  try {
    const limits = { contextLength, vocabSize: scheme.vocabSize ?? 0 };
    return await checkDecoder(() => new OnnxDecodeSession(runner, scheme, limits), length);
  } catch (error) {
    await runner.dispose();
    throw error;
  }
}
