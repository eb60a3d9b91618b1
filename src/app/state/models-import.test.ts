import { describe, expect, it } from 'vitest';
import { selectImport } from './models-import';

function files(...names: string[]): { name: string; blob: Blob }[] {
  return names.map((name) => ({ name, blob: new Blob([]) }));
}

describe('selectImport', () => {
  it('selectImport: a model folder gives its name and keeps only what is read', () => {
    const selection = selectImport(
      files('tiny/config.json', 'tiny/model.safetensors', 'tiny/tokenizer.json', 'tiny/README.md'),
    );
    expect(selection).toMatchObject({
      kind: 'model',
      missing: [],
      ignored: ['README.md'],
      suggestedName: 'tiny',
    });
    expect(selection.files.map((file) => file.name)).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
  });

  it('selectImport: names what is missing', () => {
    expect(selectImport(files('config.json')).missing).toEqual(['tokenizer.json', 'model.safetensors']);
  });

  it('selectImport: a GGUF file is whole, an index stands for the one file of weights', () => {
    expect(selectImport(files('tiny-q4_k_m.gguf'))).toMatchObject({
      kind: 'model',
      missing: [],
      ignored: [],
    });
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const selection = selectImport(
      files('config.json', 'tokenizer.json', 'model.safetensors.index.json', ...shards),
    );
    expect(selection).toMatchObject({ missing: [], ignored: [] });
  });

  it('selectImport: one adapter file is enough to know what it is', () => {
    expect(selectImport(files('adapter_model.safetensors'))).toMatchObject({
      kind: 'adapter',
      missing: ['adapter_config.json'],
    });
  });
});
