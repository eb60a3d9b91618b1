import { describe, expect, test, vi } from 'vitest';
import { migrateDocument } from './migrate';
import { parseSettings } from './parse-settings';
import { applyPreset, PRESET_NAMES } from './presets';
import { defaultSettings } from './settings';
import { exportSettings, importSettings, settingsFormatOf } from './settings-format';
import { SettingsStore, type DocumentStore } from './settings-store';

const coded = (code: string, details: object) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) as object }) as Error;

describe('settings', () => {
  test('settings: an empty document gives the defaults', () => {
    expect(parseSettings({})).toEqual(defaultSettings);
  });

  test('settings: a bad value names its path', () => {
    expect(() => parseSettings({ appearance: { theme: 'pink' } })).toThrowError(
      coded('config.invalid', { path: 'appearance.theme', value: 'pink' }),
    );
    expect(() => parseSettings({ training: { learningRate: NaN } })).toThrowError(
      coded('config.invalid', { path: 'training.learningRate' }),
    );
    expect(() => parseSettings({ training: { lora: { targets: ['q', 'qq'] } } })).toThrowError(
      coded('config.invalid', { path: 'training.lora.targets.1', value: 'qq' }),
    );
    expect(() => parseSettings({ generation: 3 })).toThrowError(
      coded('config.invalid', { path: 'generation' }),
    );
    expect(() => parseSettings([])).toThrowError(coded('config.invalid', { path: '' }));
  });

  test('settings: an unknown key is met with the one that was meant', () => {
    expect(() => parseSettings({ training: { learningrate: 1 } })).toThrowError(
      expect.objectContaining({
        code: 'config.unknown-key',
        message: 'training.learningrate is not a setting.',
        remedy: 'Did you mean "learningRate"?',
      }),
    );
    expect(() => parseSettings(JSON.parse('{"version":1,"__proto__":{"polluted":1}}'))).toThrowError(
      coded('config.unknown-key', { path: '__proto__' }),
    );
  });

  test('settings: a document without a version may use snake_case', () => {
    const settings = parseSettings({ training: { learning_rate: 0.25, lora: { rank: 2 } } });
    expect(settings.training.learningRate).toBe(0.25);
    expect(settings.training.lora).toEqual({ ...defaultSettings.training.lora, rank: 2 });
  });

  test('settings: every preset is valid and keeps what it does not name', () => {
    const base = parseSettings({ appearance: { theme: 'dark' } });
    for (const name of PRESET_NAMES) {
      const settings = applyPreset(base, name);
      expect(parseSettings(settings)).toEqual(settings);
      expect(settings.appearance.theme).toBe('dark');
    }
    expect(applyPreset(base, 'debug').training.maxSteps).toBe(10);
  });

  test.each(['json', 'yaml'] as const)('settings: what is exported as %s comes back', async (format) => {
    const settings = applyPreset(defaultSettings, 'performance_max');
    expect(await importSettings(await exportSettings(settings, format), format)).toEqual(settings);
  });

  test('settings: a base storage comes back, of an older document it is f32, another one is named', async () => {
    const read = (text: string) => importSettings(text, 'yaml');
    const { training } = await read('version: 1\ntraining:\n  baseStorage: int4\n');
    expect(training.baseStorage).toBe('int4');
    expect((await read('version: 1\ntraining:\n  epochs: 2\n')).training.baseStorage).toBe('f32');
    const wrong = read('version: 1\ntraining:\n  baseStorage: int3\n');
    await expect(wrong).rejects.toEqual(coded('config.invalid', { path: 'training.baseStorage' }));
  });

  test('settings: memory for models comes back, is unknown by default, and must be an amount', async () => {
    const read = (text: string) => importSettings(text, 'yaml');
    const memory = async (text: string) => (await read(text)).engine.memoryGigabytes;
    expect(await memory('version: 1\nengine:\n  memoryGigabytes: 5.5\n')).toBe(5.5);
    expect(await memory('version: 1\nengine:\n  backend: wasm\n')).toBeNull();
    const settings = parseSettings({ engine: { memoryGigabytes: 12 } });
    expect(await importSettings(await exportSettings(settings, 'json'), 'json')).toEqual(settings);
    for (const wrong of ['0', '-4', '.inf', 'lots']) {
      await expect(memory(`engine:\n  memory_gigabytes: ${wrong}\n`)).rejects.toEqual(
        coded('config.invalid', { path: 'engine.memoryGigabytes' }),
      );
    }
  });

  test('settings: unreadable text says what is wrong', async () => {
    await expect(importSettings('{"a":', 'json')).rejects.toMatchObject({ code: 'config.invalid' });
    await expect(importSettings('a: [1\nb: 2', 'yaml')).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('line') as string,
    });
    expect(settingsFormatOf('mine.JSON')).toBe('json');
    expect(settingsFormatOf('mine.yml')).toBe('yaml');
  });
});

describe('migrations', () => {
  test('migrations: run from the document version on, in order', () => {
    const steps = ['a', 'b', 'c'].map((name) => (document: Record<string, unknown>) => ({
      ...document,
      log: [document['log'] ?? [], name].flat(),
    }));
    expect(migrateDocument({}, steps)).toEqual({ version: 3, log: ['a', 'b', 'c'] });
    expect(migrateDocument({ version: 2 }, steps)).toEqual({ version: 3, log: ['c'] });
    expect(migrateDocument({ version: 3 }, steps)).toEqual({ version: 3 });
  });

  test('migrations: a future or broken version is refused', () => {
    expect(() => migrateDocument({ version: 9 }, [])).toThrowError(coded('config.invalid', { value: 9 }));
    expect(() => migrateDocument({ version: '1' })).toThrowError(
      coded('config.invalid', { path: 'version' }),
    );
  });
});

class MemoryDocuments implements DocumentStore {
  readonly documents = new Map<string, unknown>();
  get(name: string): Promise<unknown> {
    return Promise.resolve(structuredClone(this.documents.get(name)));
  }
  put(name: string, document: unknown): Promise<void> {
    this.documents.set(name, structuredClone(document));
    return Promise.resolve();
  }
}

describe('settings store', () => {
  test('settings store: creates the defaults when there are none', async () => {
    const documents = new MemoryDocuments();
    expect(await new SettingsStore(documents).load()).toEqual(defaultSettings);
    expect(documents.documents.get('settings')).toEqual(defaultSettings);
  });

  test('settings store: keeps valid changes and tells its listeners', async () => {
    const documents = new MemoryDocuments();
    const store = new SettingsStore(documents);
    await store.load();
    const listener = vi.fn();
    const stop = store.subscribe(listener);
    await store.update({ appearance: { theme: 'dark' } });
    stop();
    await store.update({ appearance: { language: 'es' } });
    expect(listener).toHaveBeenCalledOnce();
    const again = new SettingsStore(documents);
    expect((await again.load()).appearance).toEqual({ theme: 'dark', language: 'es' });
  });

  test('settings store: refuses a bad change and stays as it was', async () => {
    const store = new SettingsStore(new MemoryDocuments());
    await store.load();
    await expect(store.update({ generation: { topP: 2 } })).rejects.toMatchObject({ code: 'config.invalid' });
    expect(store.current).toEqual(defaultSettings);
  });

  test('settings store: sets unreadable settings aside and goes on with the defaults', async () => {
    const documents = new MemoryDocuments();
    const broken = { version: 1, appearance: { theme: 'pink' } };
    await documents.put('settings', broken);
    const store = new SettingsStore(documents);
    expect(await store.load()).toEqual(defaultSettings);
    expect(store.problem).toContain('appearance.theme');
    expect(documents.documents.get('settings.unreadable')).toEqual(broken);
  });
});
