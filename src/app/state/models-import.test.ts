import { describe, expect, it } from 'vitest';
import { rawGguf, rawKey, text } from '../../lib/formats/gguf/testing/raw-gguf';
import { describeImport, selectImport } from './models-import';

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

  it('selectImport: of several ONNX graphs one is taken, with what may hold its weights', () => {
    const selection = selectImport(
      files(
        ...['m/config.json', 'm/tokenizer.json', 'm/onnx/model.onnx', 'm/onnx/model.onnx_data', 'm/w.bin'],
        ...['m/onnx/model_q4.onnx', 'm/onnx/model_q4.onnx_data', 'm/1_Pooling/config.json', 'm/README.md'],
      ),
    );
    expect(selection).toMatchObject({ kind: 'model', missing: [], suggestedName: 'm' });
    expect(selection.ignored).toEqual(['model_q4.onnx', 'model_q4.onnx_data', 'README.md']);
    expect(selection.files.map(({ name }) => name)).toContain('1_Pooling/config.json');
    expect(selectImport(files('model.onnx')).missing).toEqual(['tokenizer.json']);
  });

  it('selectImport: a graph that reads pictures comes with how they are prepared, not with a tokenizer', () => {
    const lens = files('lens/config.json', 'lens/model.onnx', 'lens/preprocessor_config.json');
    expect(selectImport(lens)).toMatchObject({ kind: 'model', missing: [], ignored: [] });
    const both = selectImport([...lens, ...files('lens/tokenizer.json')]);
    expect(both).toMatchObject({ missing: [], ignored: [] });
  });

  it('selectImport: one adapter file is enough to know what it is', () => {
    expect(selectImport(files('adapter_model.safetensors'))).toMatchObject({
      kind: 'adapter',
      missing: ['adapter_config.json'],
    });
  });

  it('selectImport: weights as a pickle are named, where there are none that can be read', () => {
    expect(selectImport(files('adapter_config.json', 'adapter_model.bin'))).toMatchObject({
      kind: 'adapter',
      missing: ['adapter_model.safetensors'],
      pickles: ['adapter_model.bin'],
    });
    expect(selectImport(files('config.json', 'tokenizer.json', 'pytorch_model.bin')).pickles).toEqual([
      'pytorch_model.bin',
    ]);
    const both = files('adapter_config.json', 'adapter_model.bin', 'adapter_model.safetensors');
    expect(selectImport(both)).toMatchObject({ pickles: [], ignored: ['adapter_model.bin'] });
  });

  it('describeImport: a GGUF file is a model or an adapter by what it says; beside a model the adapter is left', async () => {
    const gguf = (name: string, type: string) => ({
      name,
      blob: rawGguf({ keys: [rawKey('general.type', 'string', text(type))] }),
    });
    const adapter = gguf('mine/side-lora.gguf', 'adapter');
    expect(await describeImport([adapter, ...files('README.md')])).toMatchObject({
      kind: 'adapter',
      files: [{ name: 'side-lora.gguf' }],
      missing: [],
      ignored: ['README.md'],
      suggestedName: 'mine',
    });
    expect(await describeImport([adapter, gguf('base.gguf', 'model')])).toMatchObject({
      kind: 'model',
      files: [{ name: 'base.gguf' }],
      ignored: ['side-lora.gguf'],
    });
    expect(await describeImport(files('config.json'))).toMatchObject({ kind: 'model' });
  });
});
