// Which format rows are in, judged by their columns and what lies in them, with the reason in one sentence.
// The answer is a proposal: format and mapping can be given by the user instead.
import type { DatasetFormat, FieldMapping } from '../../protocol/datasets';
import type { Row } from '../reading/row-event';

export interface DetectedFormat {
  format: DatasetFormat;
  mapping: FieldMapping;
  reason: string;
}

type Part = keyof FieldMapping;

const NAMES: Record<Part, string[]> = {
  text: ['text', 'content', 'body', 'document', 'story'],
  prompt: ['prompt', 'question', 'query', 'input', 'user', 'source'],
  completion: ['completion', 'answer', 'response', 'output', 'target', 'assistant'],
  instruction: ['instruction'],
  input: ['input', 'context'],
  output: ['output', 'response', 'answer', 'completion'],
  system: ['system', 'system_prompt'],
  conversations: ['conversations', 'conversation', 'messages'],
  messages: ['messages', 'conversation', 'conversations'],
};

/** Parts that a format cannot do without. */
export const REQUIRED_PARTS: Record<DatasetFormat, Part[]> = {
  text: ['text'],
  completion: ['prompt', 'completion'],
  alpaca: ['instruction', 'output'],
  sharegpt: ['conversations'],
  messages: ['messages'],
};
const OPTIONAL_PARTS: Record<DatasetFormat, Part[]> = {
  text: [],
  completion: ['system'],
  alpaca: ['input', 'system'],
  sharegpt: ['system'],
  messages: [],
};
/** From the most telling to the least. */
const ORDER: DatasetFormat[] = ['messages', 'sharegpt', 'alpaca', 'completion', 'text'];

/** @returns null where no format fits. */
export function detectFormat(rows: readonly Row[]): DetectedFormat | null {
  for (const format of ORDER) {
    const mapping = proposeMapping(format, rows);
    if (mapping !== null) return { format, mapping, reason: reasonFor(format, mapping) };
  }
  return detectByCount(rows);
}

/** Columns for the parts of a given format. @returns null where a required part has no column. */
export function proposeMapping(format: DatasetFormat, rows: readonly Row[]): FieldMapping | null {
  const columns = columnsOf(rows);
  const mapping: FieldMapping = {};
  for (const part of [...REQUIRED_PARTS[format], ...OPTIONAL_PARTS[format]]) {
    const taken = Object.values(mapping);
    const column = NAMES[part]
      .flatMap((name) => columns.filter((candidate) => candidate.toLowerCase() === name))
      .find((candidate) => !taken.includes(candidate) && suits(part, candidate, rows));
    if (column !== undefined) mapping[part] = column;
    else if (REQUIRED_PARTS[format].includes(part)) return null;
  }
  return mapping;
}

/** Names of all columns, in the order in which they were first seen. */
export function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** Two columns of words are taken as question and answer, one as text. */
function detectByCount(rows: readonly Row[]): DetectedFormat | null {
  const columns = columnsOf(rows).filter((column) => rows.some((row) => typeof row[column] === 'string'));
  const [first, second, third] = columns;
  if (first === undefined || third !== undefined) return null;
  if (second === undefined) {
    return { format: 'text', mapping: { text: first }, reason: `"${first}" is the only column of text.` };
  }
  const mapping = { prompt: first, completion: second };
  return {
    format: 'completion',
    mapping,
    reason: `"${first}" and "${second}" are the only columns of text.`,
  };
}

function suits(part: Part, column: string, rows: readonly Row[]): boolean {
  const value = rows
    .map((row) => row[column])
    .find((candidate) => candidate !== undefined && candidate !== null);
  if (part === 'messages') return firstTurnHas(value, 'role');
  if (part === 'conversations') return firstTurnHas(value, 'from');
  return typeof value === 'string' || typeof value === 'number';
}

function firstTurnHas(value: unknown, key: string): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return typeof first === 'object' && first !== null && key in first;
}

function reasonFor(format: DatasetFormat, mapping: FieldMapping): string {
  const columns = Object.values(mapping).map((column) => `"${column}"`);
  if (format === 'messages') return `The column ${columns.join(', ')} holds turns with a role.`;
  if (format === 'sharegpt') return `The column ${columns[0] ?? ''} holds turns with "from" and "value".`;
  return `Found the column${columns.length > 1 ? 's' : ''} ${columns.join(', ')}.`;
}
