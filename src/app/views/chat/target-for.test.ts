import { describe, expect, it } from 'vitest';
import { afterRun, baseOf, liveTarget, targetFor } from './target-for';

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

describe('chat with a run', () => {
  const live = liveTarget({ id: 'r', config: { modelId: 'm', baseStorage: 'int4' } });

  it('in training: its weights, over its base as the run keeps it', () => {
    expect(live).toEqual({ modelId: 'm', adapterId: null, runId: 'r', storage: 'int4' });
    expect(baseOf(live)).toEqual({ modelId: 'm', adapterId: null, storage: 'int4' });
  });

  it('over: the newest adapter that it left, else the model that it made, else the base', () => {
    const adapters = [
      { id: 'imported', runId: null },
      { id: 'new', runId: 'r' },
      { id: 'old', runId: 'r' },
    ];
    expect(afterRun(live, adapters, null)).toEqual({ modelId: 'm', adapterId: 'new', storage: 'int4' });
    expect(afterRun(live, [], 'made')).toEqual({ modelId: 'made', adapterId: null });
    expect(afterRun(live, [{ id: 'other', runId: 's' }], null)).toEqual(baseOf(live));
  });
});
