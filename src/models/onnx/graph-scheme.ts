// What an ONNX graph is and how it is fed: a decoder that writes text on, or an encoder that makes vectors of it. Pure.
import type { OnnxDescription } from '../../lib/formats/onnx-description';
import { decoderScheme, type DecoderScheme } from './decoder-scheme';

export type GraphScheme = DecoderScheme;

/** @throws AppError `model.unsupported` naming what is not understood, with all inputs. */
export function graphScheme(graph: OnnxDescription): GraphScheme {
  return decoderScheme(graph);
}
