import { describe, expect, it } from 'vitest';
import type { DatasetFormat, FieldMapping, Sample } from '../../protocol/datasets';
import type { Row } from '../reading/row-event';
import { detectFormat } from './detect-format';
import { sampleOfRow } from './row-to-sample';

function convert(row: Row): Sample | string {
  const found = detectFormat([row]);
  if (found === null) return 'none';
  const outcome = sampleOfRow(row, found.format, found.mapping);
  return 'sample' in outcome ? outcome.sample : outcome.missing;
}

function turns(...contents: [role: 'system' | 'user' | 'assistant', content: string][]): Sample {
  return { kind: 'turns', turns: contents.map(([role, content]) => ({ role, content })) };
}

function missing(row: Row, format: DatasetFormat, mapping: FieldMapping): string {
  const outcome = sampleOfRow(row, format, mapping);
  return 'missing' in outcome ? outcome.missing : 'a sample';
}

describe('formats', () => {
  it('reads prompt and completion under their usual names', () => {
    expect(convert({ prompt: 'p', completion: 'c' })).toEqual(turns(['user', 'p'], ['assistant', 'c']));
    expect(convert({ Question: 'p', Answer: 'c' })).toEqual(turns(['user', 'p'], ['assistant', 'c']));
  });

  it('reads Alpaca with and without input', () => {
    const row = { instruction: 'Add', input: '1 and 2', output: '3' };
    expect(detectFormat([row])).toEqual({
      format: 'alpaca',
      mapping: { instruction: 'instruction', input: 'input', output: 'output' },
      reason: 'Found the columns "instruction", "output", "input".',
    });
    expect(convert(row)).toEqual(turns(['user', 'Add\n\n1 and 2'], ['assistant', '3']));
    expect(convert({ instruction: 'Add', input: '', output: '3' })).toEqual(
      turns(['user', 'Add'], ['assistant', '3']),
    );
  });

  it('reads ShareGPT with its system column', () => {
    const conversations = [
      { from: 'human', value: 'Hi' },
      { from: 'gpt', value: 'Hello' },
    ];
    expect(detectFormat([{ conversations }])?.format).toBe('sharegpt');
    expect(convert({ conversations, system: 'Be brief' })).toEqual(
      turns(['system', 'Be brief'], ['user', 'Hi'], ['assistant', 'Hello']),
    );
  });

  it('reads OpenAI messages, content in parts included', () => {
    const messages = [
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: 'Hello' },
    ];
    expect(detectFormat([{ messages }])?.format).toBe('messages');
    expect(convert({ messages })).toEqual(turns(['user', 'Hi'], ['assistant', 'Hello']));
  });

  it('takes one column of words as text and two as question and answer', () => {
    expect(convert({ text: 'Once upon' })).toEqual({ kind: 'text', text: 'Once upon' });
    expect(convert({ verse: 'Once upon', year: 1900 })).toEqual({ kind: 'text', text: 'Once upon' });
    expect(convert({ es: 'hola', en: 'hello' })).toEqual(turns(['user', 'hola'], ['assistant', 'hello']));
    expect(convert({ a: 'x', b: 'y', c: 'z' })).toBe('none');
  });

  it('says which field a row lacks', () => {
    const alpaca = { instruction: 'instruction', output: 'output' };
    expect(missing({ instruction: 'x' }, 'alpaca', alpaca)).toBe('The field "output" is missing.');
    expect(missing({ instruction: 'x', output: ' ' }, 'alpaca', alpaca)).toBe('The field "output" is empty.');
    const talk = { messages: 'messages' };
    expect(missing({ messages: [] }, 'messages', talk)).toMatch(/no turn of the assistant/);
    expect(missing({ messages: 'x' }, 'messages', talk)).toMatch(/no list of turns/);
    expect(missing({ messages: [{ role: 'tool', content: 'x' }] }, 'messages', talk)).toMatch(
      /the role "tool"/,
    );
  });
});
