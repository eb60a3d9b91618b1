import { describe, expect, it } from 'vitest';
import { carryMapping, missingParts, nameFromFiles } from './datasets-formats';

describe('dataset formats', () => {
  it('carryMapping: keeps chosen columns and takes those named like a part', () => {
    const columns = ['note', 'Output', 'instruction'];
    expect(carryMapping('alpaca', { instruction: 'note' }, columns)).toEqual({
      instruction: 'note',
      output: 'Output',
    });
  });

  it('carryMapping: never points at a column that is not there', () => {
    expect(carryMapping('text', { text: 'gone' }, ['a'])).toEqual({});
  });

  it('missingParts: optional parts may be left out', () => {
    expect(missingParts('completion', { prompt: 'q' })).toEqual(['completion']);
    expect(missingParts('messages', { messages: 'm' })).toEqual([]);
  });

  it('nameFromFiles: drops the last ending only', () => {
    expect(nameFromFiles(['notes.train.jsonl', 'b.csv'])).toBe('notes.train');
    expect(nameFromFiles(['.hidden'])).toBe('.hidden');
  });
});
