// What an ONNX graph takes and gives that turns texts into vectors: tokens with a mask in, a vector for each token or for each
// text out. Pure.
import type { OnnxDescription, OnnxValueInfo } from '../../lib/formats/onnx-description';
import { GraphInputs, isMask, isPositions, isSegments, type PlainInput } from './graph-inputs';
import { notUnderstood } from './not-understood';

export interface EmbeddingScheme {
  kind: 'embedding';
  /** [texts, tokens] */
  tokens: PlainInput;
  /** [texts, tokens]: 1 for a token, 0 for what fills up. */
  mask: PlainInput | null;
  positions: PlainInput | null;
  segments: PlainInput | null;
  output: string;
  /** `tokens`: [texts, tokens, size], to be pooled; `texts`: [texts, size]. */
  gives: 'tokens' | 'texts';
  /** Texts in one run, and tokens of each, where the graph fixes them. */
  texts: number | null;
  length: number | null;
}

const OF_TEXTS = /^(sentence_embedding|text_embeds|embeddings?|pooled_output)$/i;
const OF_TOKENS = /^(last_hidden_state|token_embeddings|hidden_states?)$/i;

const rankOf = ({ shape }: OnnxValueInfo): number => shape?.length ?? -1;

function outputOf({ outputs }: Pick<OnnxDescription, 'outputs'>): OnnxValueInfo | null {
  const floats = outputs.filter(({ type }) => type === 'float32' || type === 'float16');
  return (
    floats.find((output) => OF_TEXTS.test(output.name) && rankOf(output) === 2) ??
    floats.find((output) => OF_TOKENS.test(output.name) && rankOf(output) === 3) ??
    null
  );
}

/** True where an output has vectors of tokens or texts. */
export const isEmbedding = (graph: Pick<OnnxDescription, 'outputs'>): boolean => outputOf(graph) !== null;

/** @throws AppError `model.unsupported` naming what is not understood, with all inputs. */
export function embeddingScheme(graph: Pick<OnnxDescription, 'inputs' | 'outputs'>): EmbeddingScheme {
  const output = outputOf(graph);
  if (output === null) throw notUnderstood(graph, 'no output has vectors of tokens or of texts');
  const inputs = new GraphInputs(graph.inputs);
  const mask = inputs.take(isMask);
  const segments = inputs.take(isSegments);
  const positions = inputs.take(isPositions);
  const tokens = inputs.takeTokens();
  if (tokens === null) throw notUnderstood(graph, 'no input takes tokens: whole numbers, [batch, length]');
  const [unknown] = inputs.left;
  if (unknown !== undefined) throw notUnderstood(graph, `what ${unknown.name} is for is not known`);
  const [texts, length] = graph.inputs.find(({ name }) => name === tokens.name)?.shape ?? [];
  return {
    kind: 'embedding',
    ...{ tokens, mask, positions, segments },
    output: output.name,
    gives: rankOf(output) === 2 ? 'texts' : 'tokens',
    texts: typeof texts === 'number' ? texts : null,
    length: typeof length === 'number' ? length : null,
  };
}
