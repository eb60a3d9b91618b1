// What installed models take, and the memory that the user says there is, as the page knows them.
import { describe, expect, it, vi } from 'vitest';
import { MemorySetting } from '../../src/app/state/memory-setting.svelte';
import { ModelFits } from '../../src/app/state/model-fits.svelte';
import { SettingsStore } from '../../src/core/config/settings-store';
import type { DescribedModel, ModelEstimate } from '../../src/protocol/engine';
import type { ModelRecord } from '../../src/protocol/models';
import { watch } from './app-watch.svelte';

const model = (id: string): ModelRecord => ({ id }) as ModelRecord;
const estimate = (limitBytes: number | null): ModelEstimate => ({
  ...{ parameters: 1, contextLength: 1, arrayLimitBytes: null, chat: [], train: [] },
  limitBytes,
});
const idOf = (described: DescribedModel): string => ('modelId' in described ? described.modelId : '');

describe('model fits', () => {
  it('model fits: each model is asked about once, and a failure is an answer', async () => {
    const asked: string[] = [];
    const fits = new ModelFits({
      estimateModel: (described) => {
        asked.push(idOf(described));
        return idOf(described) === 'b' ? Promise.reject(new Error('gone')) : Promise.resolve(estimate(7));
      },
    });
    expect([fits.of('a'), fits.limitBytes]).toEqual([null, null]);
    await fits.ask([model('a'), model('b')]);
    await fits.ask([model('a'), model('b'), model('c')]);
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(fits.of('a')).toEqual({ estimate: estimate(7) });
    expect(fits.of('b')).toEqual({ error: new Error('gone') });
    expect(fits.limitBytes).toBe(7);
  });

  it('model fits: another device is asked about all; the last answers stay until it told', async () => {
    let answers: PromiseWithResolvers<ModelEstimate>[] = [];
    const fits = new ModelFits({
      estimateModel: () => {
        const answer = Promise.withResolvers<ModelEstimate>();
        answers.push(answer);
        return answer.promise;
      },
    });
    const { seen, stop } = watch(() => fits.limitBytes);
    const first = fits.ask([model('a')]);
    answers[0]?.resolve(estimate(1));
    await first;
    answers = [];
    const again = fits.askAgain([model('a')]);
    expect(fits.limitBytes).toBe(1);
    answers[0]?.resolve(estimate(2));
    await again;
    expect(fits.limitBytes).toBe(2);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(2));
    stop();
  });

  it('model fits: an answer of the device before is dropped, however late it is', async () => {
    const answers: PromiseWithResolvers<ModelEstimate>[] = [];
    const fits = new ModelFits({
      estimateModel: () => {
        const answer = Promise.withResolvers<ModelEstimate>();
        answers.push(answer);
        return answer.promise;
      },
    });
    const before = fits.ask([model('a'), model('b')]);
    const again = fits.askAgain([model('a')]);
    answers[1]?.resolve(estimate(2));
    await again;
    answers[0]?.resolve(estimate(1));
    await before;
    expect(fits.limitBytes).toBe(2);
    expect(fits.of('b')).toBeNull();
    // What was dropped is asked for when it is needed.
    const later = fits.ask([model('a'), model('b')]);
    expect(answers).toHaveLength(3);
    answers[2]?.resolve(estimate(2));
    await later;
    expect(fits.of('b')).not.toBeNull();
  });
});

describe('memory setting', () => {
  it('memory setting: unknown, then what the user said, followed where settings are imported', async () => {
    const kept = new Map<string, unknown>();
    const store = new SettingsStore({
      get: (name) => Promise.resolve(kept.get(name)),
      put: (name, document) => Promise.resolve(void kept.set(name, document)),
    });
    await store.load();
    const memory = new MemorySetting(store);
    const { seen, stop } = watch(() => memory.gigabytes);
    expect(memory).toMatchObject({ gigabytes: null, canChange: true });
    await memory.set(6);
    expect(memory.gigabytes).toBe(6);
    expect(store.current.engine).toMatchObject({ backend: 'auto', memoryGigabytes: 6 });
    await store.replace({ ...store.current, engine: { backend: 'wasm', memoryGigabytes: 2.5 } });
    expect(memory.gigabytes).toBe(2.5);
    await memory.set(null);
    expect(store.current.engine).toEqual({ backend: 'wasm', memoryGigabytes: null });
    await expect(memory.set(-1)).rejects.toMatchObject({ code: 'config.invalid' });
    expect(memory.gigabytes).toBeNull();
    await vi.waitFor(() => expect(seen.at(-1)).toBeNull());
    stop();
  });

  it('memory setting: where nothing can be kept it stays unknown', async () => {
    const memory = new MemorySetting(null);
    await memory.set(6);
    expect(memory).toMatchObject({ gigabytes: null, canChange: false });
  });
});
