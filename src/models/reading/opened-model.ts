// What the opening of a model's files gives: weights with a plan, of one of our families, or a graph that is run as it is.
import { AppError } from '../../lib/errors';
import type { ModelFormat, ModelTask, NamedFile, Precision } from '../../protocol/models';
import type { WeightReader } from '../file-layout';
import type { ModelFamily, ModelPlan } from '../model-family';
import type { DecoderScheme } from '../onnx/decoder-scheme';
import type { EmbeddingConfig } from '../onnx/embedding-config';
import type { EmbeddingScheme } from '../onnx/embedding-scheme';
import type { VisionScheme } from '../onnx/vision-scheme';

interface Opened {
  precision: Precision;
  license: string | null;
  /** Files with weights, in the order that the fingerprint is taken over. */
  weights: NamedFile[];
  /** The index of several weight files, and what GGUF keeps in its metadata: stored beside the weights, made when asked. */
  beside: () => NamedFile[];
}

export interface OpenedWeights extends Opened {
  format: Exclude<ModelFormat, 'onnx'>;
  family: ModelFamily;
  plan: ModelPlan;
  /** By the decoder's names. */
  read: WeightReader;
}

interface OpenedOnnx extends Opened {
  format: 'onnx';
  parameters: number;
  contextLength: number;
  /** null where neither the graph nor its configuration says it. */
  vocabSize: number | null;
  /** By config.json. */
  stopTokenIds: readonly number[];
}

export interface OpenedDecoder extends OpenedOnnx {
  task: Extract<ModelTask, 'chat'>;
  scheme: DecoderScheme;
}

export interface OpenedEncoder extends OpenedOnnx {
  task: Extract<ModelTask, 'embedding'>;
  scheme: EmbeddingScheme;
  embedding: EmbeddingConfig;
}

export interface OpenedVision extends OpenedOnnx {
  task: Extract<ModelTask, 'vision'>;
  scheme: VisionScheme;
}

export type OpenedGraph = OpenedDecoder | OpenedEncoder | OpenedVision;

export type OpenedModel = OpenedWeights | OpenedGraph;

/** @throws AppError `model.unsupported` for a graph. */
export function needWeights(model: OpenedModel): OpenedWeights {
  if (model.format !== 'onnx') return model;
  throw new AppError(
    'model.unsupported',
    'An ONNX model is a graph: its weights cannot be taken out of it.',
    {
      remedy: 'Import the same model as safetensors or GGUF.',
    },
  );
}
