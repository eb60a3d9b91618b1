import { describe, expect, it } from 'vitest';
import { targetFor } from './target-for';

const used = [
  { target: { modelId: 'other', adapterId: null, storage: 'f16' as const } },
  { target: { modelId: 'm', adapterId: null, storage: 'int8' as const } },
  { target: { modelId: 'm', adapterId: null } },
];

describe('targetFor', () => {
  it('an adapter of a base in few bits: kept as it was trained', () => {
    const target = targetFor('m', { id: 'a', baseStorage: 'int4' }, used);
    expect(target).toEqual({ modelId: 'm', adapterId: 'a', storage: 'int4' });
  });

  it('otherwise: as the model was used last, and as it is where it never was', () => {
    expect(targetFor('m', null, used).storage).toBe('int8');
    expect(targetFor('m', { id: 'a' }, used).storage).toBe('int8');
    expect(targetFor('new', null, used)).toEqual({ modelId: 'new', adapterId: null });
  });
});
