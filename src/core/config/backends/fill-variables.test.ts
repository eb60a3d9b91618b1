import { describe, expect, it } from 'vitest';
import { fillVariables } from './fill-variables';

const variables = { model_family: 'llama', output_dir: 'out', id: 'notes' };
const env = (name: string) => ({ HOME: '/home/me' })[name];
const fill = (value: unknown) => fillVariables(value, variables, env);

describe('fillVariables', () => {
  it.each([
    ['{output_dir}/{model_family}/{id}', 'out/llama/notes'],
    ['{env:HOME}/x', '/home/me/x'],
    ['{env:MISSING}/x', '/x'],
    ['{unknown}', '{unknown}'],
    ['plain', 'plain'],
  ])('%s gives %s', (written, filled) => {
    expect(fill(written)).toBe(filled);
  });

  it('goes through lists and sections, values only', () => {
    expect(fill({ '{id}': ['{id}', { deep: '{id}' }], count: 3 })).toEqual({
      '{id}': ['notes', { deep: 'notes' }],
      count: 3,
    });
  });

  it('does not fill what it filled in', () => {
    expect(fillVariables('{env:A}', variables, () => '{id}')).toBe('{id}');
  });
});
