// What an ONNX graph is and how it is fed: a decoder that writes text on, or an encoder that makes vectors of texts or of
// pictures. Pure.
import type { OnnxDescription } from '../../lib/formats/onnx-description';
import { decoderScheme, isDecoder, type DecoderScheme } from './decoder-scheme';
import { embeddingScheme, isEmbedding, type EmbeddingScheme } from './embedding-scheme';
import { isVision, visionScheme, type VisionScheme } from './vision-scheme';

export type GraphScheme = DecoderScheme | EmbeddingScheme | VisionScheme;

/** @throws AppError `model.unsupported` naming what is not understood, with all inputs. */
export function graphScheme(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): GraphScheme {
  if (isVision(graph)) return visionScheme(graph);
  return isEmbedding(graph) && !isDecoder(graph) ? embeddingScheme(graph) : decoderScheme(graph);
}
