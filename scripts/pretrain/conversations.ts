// Conversations found in the books: neighbouring speeches of a play, and neighbouring spoken paragraphs of a novel, as
// turns of user and assistant. They teach the chat format before any fine-tuning; nothing in them is invented.
import type { ChatTurn } from '../../src/lib/text/chat-template';
import { hashSeed, Random } from '../../src/lib/random';
import type { Passage, SplitBook } from './corpus';

/** Turns longer than this teach monologue, not conversation. Characters. */
const MAX_TURN = 320;
const MAX_TURNS = 6;

interface Utterance {
  /** null where the text does not name the speaker. */
  speaker: string | null;
  text: string;
}

/** Conversations of the training runs (or of the held-out ones). `seed` decides where a long dialogue is cut. */
export function conversationsOf(
  runs: readonly Passage[][],
  kind: SplitBook['kind'],
  seed: number,
): ChatTurn[][] {
  const random = new Random(hashSeed(seed, 'conversations'));
  const casing = kind === 'play' ? countCasing(runs) : new Map<string, number>();
  const conversations: ChatTurn[][] = [];
  for (const run of runs) {
    for (const dialogue of dialoguesOf(run.map(({ text }) => utteranceOf(text, kind, casing)))) {
      conversations.push(...cut(dialogue, random));
    }
  }
  return conversations;
}

function utteranceOf(text: string, kind: SplitBook['kind'], casing: Map<string, number>): Utterance | null {
  return kind === 'play' ? speechOf(text, casing) : spokenPartOf(text);
}

/** Runs of neighbours that can be used. */
function dialoguesOf(utterances: readonly (Utterance | null)[]): Utterance[][] {
  const dialogues: Utterance[][] = [[]];
  for (const utterance of utterances) {
    if (utterance === null || utterance.text.length > MAX_TURN) dialogues.push([]);
    else dialogues.at(-1)?.push(utterance);
  }
  return dialogues.filter((dialogue) => dialogue.length >= 2);
}

/** Even numbers of turns, two to six; one in four with a named answerer opens with a system turn. */
function cut(dialogue: readonly Utterance[], random: Random): ChatTurn[][] {
  const conversations: ChatTurn[][] = [];
  let at = 0;
  while (dialogue.length - at >= 2) {
    const wanted = 2 * (1 + random.integer(MAX_TURNS / 2));
    const count = Math.min(wanted, 2 * Math.floor((dialogue.length - at) / 2));
    const part = dialogue.slice(at, at + count);
    const turns: ChatTurn[] = part.map(({ text }, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: text,
    }));
    const name = part[1]?.speaker ?? null;
    if (name !== null && random.next() < 0.25) turns.unshift({ role: 'system', content: `You are ${name}.` });
    conversations.push(turns);
    at += count;
  }
  return conversations;
}

/** A speech of a play; its verse lines become one line. null for stage directions. */
function speechOf(block: string, casing: Map<string, number>): Utterance | null {
  const [head, ...lines] = block.split('\n');
  if (head === undefined || !head.endsWith(':') || lines.length === 0) return null;
  const joined = lines.reduce((text, line) => `${text} ${afterBreak(text, line, casing)}`);
  return { speaker: titleCase(head.slice(0, -1)), text: joined };
}

/** Verse begins each line with a capital; inside a sentence the word gets the case it mostly has elsewhere. */
function afterBreak(before: string, line: string, casing: Map<string, number>): string {
  const word = /^[A-Z][a-z']*/.exec(line)?.[0];
  if (word === undefined || /[.?!]['"]?$/.test(before)) return line;
  const lower = word.toLowerCase();
  if (word === 'I' || word.startsWith("I'") || (casing.get(word) ?? 0) > (casing.get(lower) ?? 0))
    return line;
  return lower + line.slice(word.length);
}

/** How often each form of a word stands inside a sentence. */
function countCasing(runs: readonly Passage[][]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const { text } of run) {
      for (const match of text.matchAll(/[a-z,;] ([A-Za-z][a-z']*)/g)) {
        const word = match[1] ?? '';
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
    }
  }
  return counts;
}

function titleCase(name: string): string {
  return name.toLowerCase().replace(/(^|\s)[a-z]/g, (letter) => letter.toUpperCase());
}

/** What is said in a paragraph of a novel, without "said he"; null where narration outweighs it. */
function spokenPartOf(paragraph: string): Utterance | null {
  const spoken = [...paragraph.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '');
  const text = spoken.join(' ').replace(/\s+/g, ' ').trim();
  if (text === '' || text.length < 0.5 * paragraph.length || !/[.?!]$/.test(text)) return null;
  return { speaker: null, text: text.charAt(0).toUpperCase() + text.slice(1) };
}
