// A conversation as the model reads it, with the characters that the assistant wrote. The spans come from rendering, not
// from searching words: each answer is rendered once as a marker to see where the template puts it, and the generation
// prompt only counts where the conversation really begins with it.
import type { ChatTemplate, ChatTurn } from '../../lib/text/chat-template';

/** Characters of the text, `end` exclusive. */
export interface TextSpan {
  start: number;
  end: number;
}

export interface RenderedConversation {
  text: string;
  /** What the assistant has to write: from the end of its prompt up to and with the mark that ends its turn. */
  answers: TextSpan[];
}

/** @throws AppError of the template where it refuses the conversation in every form. */
export function renderConversation(turns: readonly ChatTurn[], template: ChatTemplate): RenderedConversation {
  const form = acceptedForm(turns, template);
  const text = template.render(form, { generationPrompt: false });
  const starts = contentStarts(form, text, template);
  const answers: TextSpan[] = [];
  form.forEach((turn, i) => {
    if (turn.role !== 'assistant') return;
    const span = answerSpan(form, i, text, starts, template);
    if (span.start < span.end) answers.push(span);
  });
  return { text, answers };
}

/** The prompt that leads to the first answer, or to an answer of the whole. */
export function renderPrompt(turns: readonly ChatTurn[], template: ChatTemplate): string {
  const firstAnswer = turns.findIndex(({ role }) => role === 'assistant');
  const before = firstAnswer < 0 ? turns : turns.slice(0, firstAnswer);
  return template.render(acceptedForm(before, template), { generationPrompt: true });
}

/** Templates without a system role get it as the beginning of the first message. */
function acceptedForm(turns: readonly ChatTurn[], template: ChatTemplate): readonly ChatTurn[] {
  const [system, first, ...rest] = turns;
  if (system?.role !== 'system' || first === undefined) return turns;
  if (tryRender(turns, template, false) !== null) return turns;
  return [{ role: first.role, content: `${system.content}\n\n${first.content}` }, ...rest];
}

/** Where each answer's words begin in `text`; null where the template does not keep them as they are. */
function contentStarts(turns: readonly ChatTurn[], text: string, template: ChatTemplate): (number | null)[] {
  const marks = turns.map((_, i) => `\u2063mark${i}\u2063`);
  const marked = turns.map((turn, i) =>
    turn.role === 'assistant' ? { ...turn, content: marks[i] ?? '' } : turn,
  );
  const skeleton = tryRender(marked, template, false);
  let shift = 0;
  return turns.map((turn, i) => {
    if (turn.role !== 'assistant') return null;
    const mark = marks[i] ?? '';
    const at = skeleton?.indexOf(mark) ?? -1;
    if (at < 0) return null;
    const start = at + shift;
    const words = [turn.content, turn.content.trim(), turn.content.trimStart(), turn.content.trimEnd()].find(
      (form) => text.startsWith(form, start),
    );
    if (words === undefined) return null;
    shift += words.length - mark.length;
    return start;
  });
}

function answerSpan(
  turns: readonly ChatTurn[],
  index: number,
  text: string,
  starts: readonly (number | null)[],
  template: ChatTemplate,
): TextSpan {
  const before = sharedLength(text, tryRender(turns.slice(0, index), template, false));
  const words = starts[index] ?? before;
  const prompt = tryRender(turns.slice(0, index), template, true);
  const start = prompt !== null && text.startsWith(prompt) ? Math.min(prompt.length, words) : words;
  const wordsEnd = words + (turns[index]?.content.trim().length ?? 0);
  const after = index === turns.length - 1 ? text.length : endOfTurn(turns, index, text, template);
  return { start, end: withoutTrailingSpace(text, wordsEnd, Math.max(after, wordsEnd)) };
}

function endOfTurn(turns: readonly ChatTurn[], index: number, text: string, template: ChatTemplate): number {
  return sharedLength(text, tryRender(turns.slice(0, index + 1), template, false));
}

/** Space after the mark that ends a turn belongs to the template; where space is all there is, it is the mark. */
function withoutTrailingSpace(text: string, wordsEnd: number, end: number): number {
  const tail = text.slice(wordsEnd, end);
  return tail.trim() === '' ? end : wordsEnd + tail.trimEnd().length;
}

function tryRender(
  turns: readonly ChatTurn[],
  template: ChatTemplate,
  generationPrompt: boolean,
): string | null {
  if (turns.length === 0) return null;
  try {
    return template.render(turns, { generationPrompt });
  } catch {
    return null;
  }
}

function sharedLength(text: string, other: string | null): number {
  if (other === null) return 0;
  const limit = Math.min(text.length, other.length);
  let length = 0;
  while (length < limit && text.charCodeAt(length) === other.charCodeAt(length)) length++;
  return length;
}
