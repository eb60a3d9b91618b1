import { describe, expect, it } from 'vitest';
import { placesOf } from './backend-entries';
import { allBackendFields, backendFields, secretFieldsOf } from './describe-fields';

const all = allBackendFields(placesOf);

describe('backendFields', () => {
  it('tells control, words, default and options of a setting', () => {
    const field = backendFields('text', 'local').find(({ key }) => key === 'truncation_mode');
    expect(field).toMatchObject({
      control: 'choice',
      phrase: 'one of beginning, end, random',
      default: 'beginning',
      options: ['beginning', 'end', 'random'],
      group: 'reading',
      required: false,
    });
  });

  it('puts what is essential first', () => {
    const keys = backendFields('text', 'csv').map(({ key }) => key);
    expect(keys.slice(0, 4)).toEqual(['id', 'csv_file', 'csv_caption_column', 'csv_url_column']);
  });

  it('tells the default that a place brings', () => {
    const field = backendFields('text', 'csv').find(({ key }) => key === 'caption_strategy');
    expect(field?.default).toBe('csv');
  });

  it('looks into sections', () => {
    const field = backendFields('text', 'local').find(({ key }) => key === 'caption_shuffle');
    expect(field?.fields.map(({ key }) => key)).toContain('split_on');
  });

  it.each(all.map(({ field }) => [field.key, field] as const))('%s has help and words', (_, field) => {
    expect(field.help).toMatch(/\.$/);
    expect(field.phrase).not.toBe('');
    for (const inner of field.fields) expect(inner.help).toMatch(/\.$/);
  });

  it('names every kind and place of a setting', () => {
    expect(all.find(({ field }) => field.key === 'caption_filter_list')?.datasetTypes).toEqual([
      'text_embeds',
    ]);
    expect(all.find(({ field }) => field.key === 'csv_file')?.types).toEqual(['csv']);
  });

  it('keeps credentials apart', () => {
    expect(all.map(({ field }) => field.key)).not.toContain('aws_secret_access_key');
    expect(secretFieldsOf('aws').map(({ key, required }) => [key, required])).toEqual([
      ['aws_access_key_id', true],
      ['aws_secret_access_key', true],
      ['aws_session_token', false],
    ]);
  });
});
