// How a token is drawn: special ones by their spelling, the others by whether they count in the loss. Pure.
import type { TokenSpan } from '../../../protocol/datasets';

/** Class suffix: trained, masked or special. A special token that is trained counts as trained. */
export function tokenClass(token: TokenSpan): 't' | 'm' | 's' {
  if (token.trained) return 't';
  return /^<[|/]?[^<>\s]+\|?>$/.test(token.text) ? 's' : 'm';
}

/** Line ends as a sign, so that they are seen. */
export function visibleText(text: string): string {
  return text.replaceAll('\n', '↵').replaceAll('\t', '⇥');
}
