// From characters to tokens: which tokens carry a piece of the given spans.
import type { TextSpan } from './answer-spans';

export interface PieceTokenizer {
  encode(text: string): number[];
  /** One piece of text for each id; they join to the decoded whole. */
  pieces(ids: readonly number[]): string[];
}

/** 1 for each token that a span reaches into, in the order of `ids`. */
export function maskTokens(
  text: string,
  ids: readonly number[],
  spans: readonly TextSpan[],
  tokenizer: PieceTokenizer,
): Uint8Array {
  const mask = new Uint8Array(ids.length);
  if (spans.length === 0) return mask;
  const pieces = tokenizer.pieces(ids);
  if (pieces.join('') === text) markByOffset(mask, pieces, spans);
  else for (const span of spans) markByPrefix(mask, text, ids, span, tokenizer);
  return mask;
}

/** An empty piece is the first part of a character that a later token completes: it stands where that one begins. */
function markByOffset(mask: Uint8Array, pieces: readonly string[], spans: readonly TextSpan[]): void {
  let start = 0;
  let next = 0;
  pieces.forEach((piece, i) => {
    const end = start + piece.length;
    while (next < spans.length && (spans[next]?.end ?? 0) <= start) next++;
    const span = spans[next];
    if (span !== undefined && Math.max(end, start + 1) > span.start) mask[i] = 1;
    start = end;
  });
}

/** For tokenizers that change the text: tokens of the text up to the span are told from those that differ. */
function markByPrefix(
  mask: Uint8Array,
  text: string,
  ids: readonly number[],
  span: TextSpan,
  tokenizer: PieceTokenizer,
): void {
  const first = sharedTokens(ids, tokenizer.encode(text.slice(0, span.start)));
  const last =
    span.end >= text.length ? ids.length : sharedTokens(ids, tokenizer.encode(text.slice(0, span.end)));
  mask.fill(1, first, Math.max(first, last));
}

function sharedTokens(ids: readonly number[], prefix: readonly number[]): number {
  const differs = prefix.findIndex((id, i) => ids[i] !== id);
  return differs < 0 ? prefix.length : differs;
}
