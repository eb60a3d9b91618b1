// A row as a training sample under a format and a mapping, or what it lacks. Pure: samples are never stored, only rows.
import type { DatasetFormat, FieldMapping, Sample, SampleTurn } from '../../protocol/datasets';
import type { Row } from '../reading/row-event';

export type SampleOutcome = { sample: Sample } | { missing: string };

const ROLES: Record<string, SampleTurn['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  prompter: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  chatgpt: 'assistant',
};

export function sampleOfRow(row: Row, format: DatasetFormat, mapping: FieldMapping): SampleOutcome {
  try {
    return { sample: convert(new RowFields(row, mapping), format) };
  } catch (error) {
    if (error instanceof MissingField) return { missing: error.message };
    throw error;
  }
}

class MissingField extends Error {}

function convert(fields: RowFields, format: DatasetFormat): Sample {
  switch (format) {
    case 'text':
      return { kind: 'text', text: fields.required('text') };
    case 'completion':
      return exchange(fields, fields.required('prompt'), fields.required('completion'));
    case 'alpaca':
      return exchange(fields, alpacaPrompt(fields), fields.required('output'));
    case 'sharegpt':
      return conversation(fields, 'conversations', 'from', 'value');
    case 'messages':
      return conversation(fields, 'messages', 'role', 'content');
  }
}

function exchange(fields: RowFields, prompt: string, answer: string): Sample {
  const turns: SampleTurn[] = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: answer },
  ];
  return { kind: 'turns', turns: withSystem(turns, fields.optional('system')) };
}

function alpacaPrompt(fields: RowFields): string {
  const instruction = fields.required('instruction');
  const input = fields.optional('input');
  return input === '' ? instruction : `${instruction}\n\n${input}`;
}

function conversation(
  fields: RowFields,
  part: 'messages' | 'conversations',
  roleKey: string,
  contentKey: string,
): Sample {
  const turns = fields.list(part).map((value, i) => readTurn(value, i, roleKey, contentKey));
  if (!turns.some(({ role }) => role === 'assistant')) {
    throw new MissingField(`"${fields.column(part)}" has no turn of the assistant.`);
  }
  return { kind: 'turns', turns: withSystem(turns, fields.optional('system')) };
}

function readTurn(value: unknown, index: number, roleKey: string, contentKey: string): SampleTurn {
  const turn = typeof value === 'object' && value !== null ? (value as Row) : {};
  const name = turn[roleKey];
  const role = typeof name === 'string' ? ROLES[name.toLowerCase()] : undefined;
  if (role === undefined) {
    const found = typeof name === 'string' ? `the role "${name}"` : `no "${roleKey}"`;
    throw new MissingField(`Turn ${index + 1} has ${found}; known are system, user and assistant.`);
  }
  const content = textOf(turn[contentKey]);
  if (content === null || content.trim() === '') {
    throw new MissingField(`Turn ${index + 1} has no "${contentKey}".`);
  }
  return { role, content };
}

function withSystem(turns: SampleTurn[], system: string): SampleTurn[] {
  if (system === '' || turns[0]?.role === 'system') return turns;
  return [{ role: 'system', content: system }, ...turns];
}

/** Words of a value: a string, a number, or a list of parts of which the textual ones count. null where there are none. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return null;
  const parts = value.map((part: unknown) => {
    if (typeof part === 'string') return part;
    return typeof part === 'object' && part !== null && 'text' in part ? textOf(part.text) : null;
  });
  return parts.some((part) => part !== null) ? parts.map((part) => part ?? '').join('') : null;
}

class RowFields {
  readonly #row: Row;
  readonly #mapping: FieldMapping;

  constructor(row: Row, mapping: FieldMapping) {
    this.#row = row;
    this.#mapping = mapping;
  }

  column(part: keyof FieldMapping): string {
    return this.#mapping[part] ?? part;
  }

  required(part: keyof FieldMapping): string {
    const text = textOf(this.#row[this.column(part)]);
    if (text === null) throw new MissingField(`The field "${this.column(part)}" is missing.`);
    if (text.trim() === '') throw new MissingField(`The field "${this.column(part)}" is empty.`);
    return text;
  }

  optional(part: keyof FieldMapping): string {
    const column = this.#mapping[part];
    return column === undefined ? '' : (textOf(this.#row[column]) ?? '').trim();
  }

  list(part: keyof FieldMapping): unknown[] {
    const value = this.#row[this.column(part)];
    if (!Array.isArray(value))
      throw new MissingField(`The field "${this.column(part)}" is no list of turns.`);
    return value;
  }
}
