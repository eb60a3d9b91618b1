// Finds conversations by words: all of them must occur, upper case and accents do not matter.
import type { Conversation } from '../../protocol/conversations';

export interface SearchHit {
  conversation: Conversation;
  /** Text around the first word found, with an ellipsis where it is cut. */
  excerpt: string;
}

const BEFORE = 40;
const AFTER = 120;

/** Newest first. An empty query finds nothing. */
export function searchConversations(conversations: Conversation[], query: string): SearchHit[] {
  const terms = fold(query)
    .text.split(/\s+/)
    .filter((term) => term !== '');
  if (terms.length === 0) return [];
  return conversations
    .map((conversation) => hitOf(conversation, terms))
    .filter((hit) => hit !== null)
    .sort((a, b) => b.conversation.updatedAt - a.conversation.updatedAt);
}

function hitOf(conversation: Conversation, terms: string[]): SearchHit | null {
  const texts = textsOf(conversation);
  const folded = texts.map(fold);
  const found = terms.every((term) => folded.some(({ text }) => text.includes(term)));
  if (!found) return null;
  // What was said tells more than the title, which the list shows anyway.
  const order = [...folded.keys()].slice(1).concat(0);
  const best = order.find((index) => terms.some((term) => folded[index]?.text.includes(term))) ?? 0;
  return { conversation, excerpt: excerptOf(texts[best] ?? '', folded[best] ?? fold(''), terms) };
}

/** Title first, then the system prompt and every variant of every message. */
function textsOf({ title, systemPrompt, messages }: Conversation): string[] {
  return [title, systemPrompt, ...messages.flatMap(({ variants }) => variants.map(({ content }) => content))];
}

function excerptOf(original: string, folded: Folded, terms: string[]): string {
  const positions = terms.map((term) => folded.text.indexOf(term)).filter((position) => position >= 0);
  const at = folded.origin[Math.min(...positions)] ?? 0;
  const start = at <= BEFORE ? 0 : wordStart(original, at - BEFORE);
  const end = Math.min(original.length, at + AFTER);
  const middle = original.slice(start, end).replace(/\s+/g, ' ').trim();
  return `${start > 0 ? '…' : ''}${middle}${end < original.length ? '…' : ''}`;
}

/** Not in the middle of a word, unless it is a very long one. */
function wordStart(text: string, from: number): number {
  const space = text.slice(from, from + BEFORE / 2).search(/\s/);
  return space < 0 ? from : from + space + 1;
}

interface Folded {
  text: string;
  /** For each UTF-16 unit of `text`, where it came from. */
  origin: number[];
}

/** Lower case, without marks; keeps track of positions, since folding may change lengths. */
function fold(original: string): Folded {
  const origin: number[] = [];
  let text = '';
  let position = 0;
  for (const character of original) {
    const plain = character.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let unit = 0; unit < plain.length; unit += 1) origin.push(position);
    text += plain;
    position += character.length;
  }
  return { text, origin };
}
