import { describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../core/event-bus';
import type { ModelRecord } from '../../protocol/models';
import { watchModelNotes } from './model-notes';

describe('watchModelNotes', () => {
  it('watchModelNotes: a model that runs where it runs best is no news', () => {
    const bus = new EventBus();
    const show = vi.fn();
    watchModelNotes(bus, { show });
    const loaded = { model: { name: 'Graph' } as ModelRecord, milliseconds: 1, storage: 'f32' as const };
    bus.emit('model.loaded', { ...loaded, error: null, note: null }, 'test');
    expect(show).not.toHaveBeenCalled();
    bus.emit('model.loaded', { ...loaded, error: null, note: 'No kernel.' }, 'test');
    expect(show).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ tone: 'warn', body: 'No kernel.' }),
    );
  });
});
