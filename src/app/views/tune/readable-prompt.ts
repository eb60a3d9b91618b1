// A prompt as a person reads it: the user's last turn, without the marks of a chat template. For display only; what the
// model was given stays as it was. Pure.

const MARK = /<\|([^|<>]+)\|>/g;
const ROLES = ['system', 'user', 'assistant'];

/** A text without `<|...|>` marks comes back unchanged; one without a user's turn loses its marks only. */
export function readablePrompt(prompt: string): string {
  const turns = turnsOf(prompt);
  if (turns === null) return prompt;
  const asked = turns.findLast(({ role, text }) => role === 'user' && text !== '');
  if (asked !== undefined) return asked.text;
  return turns.flatMap(({ text }) => (text === '' ? [] : [text])).join('\n');
}

interface Turn {
  role: string | null;
  text: string;
}

/** null where there is no mark. What stands before the first mark is a turn of nobody. */
function turnsOf(prompt: string): Turn[] | null {
  const [before = '', ...rest] = prompt.split(MARK);
  if (rest.length === 0) return null;
  const turns: Turn[] = [{ role: null, text: before.trim() }];
  for (let at = 0; at + 1 < rest.length; at += 2) turns.push(turnAfter(rest[at] ?? '', rest[at + 1] ?? ''));
  return joinHeaders(turns);
}

/** The role is the mark itself (`<|user|>`), or the first line after `<|im_start|>`. */
function turnAfter(mark: string, text: string): Turn {
  if (ROLES.includes(mark)) return { role: mark, text: text.trim() };
  if (mark !== 'im_start') return { role: mark, text: text.trim() };
  const [role = '', ...lines] = text.split('\n');
  return { role: role.trim(), text: lines.join('\n').trim() };
}

/** `<|start_header_id|>user<|end_header_id|>text`: the role is the text of the mark before. */
function joinHeaders(turns: readonly Turn[]): Turn[] {
  return turns.flatMap((turn, at) => {
    if (turn.role === 'start_header_id') return [];
    if (turn.role === 'end_header_id') return [{ role: turns[at - 1]?.text ?? null, text: turn.text }];
    return [turn];
  });
}
