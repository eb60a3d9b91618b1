import { describe, expect, it } from 'vitest';
import { modelFileName } from './model-file-name';

describe('model file name', () => {
  it.each([
    ['onnx/model.onnx', 'model.onnx'],
    ['config.json', 'config.json'],
    // Of two files of that name only one is the configuration.
    ['1_Pooling/config.json', '1_Pooling/config.json'],
    ['all-MiniLM-L6-v2/1_Pooling/config.json', '1_Pooling/config.json'],
  ])('model file name: %s is stored as %s', (path, name) => {
    expect(modelFileName(path)).toBe(name);
  });
});
