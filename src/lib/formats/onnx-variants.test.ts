import { describe, expect, it } from 'vitest';
import { belongsTo, chooseVariant, variantOf } from './onnx-variants';

const files = (...names: string[]) => names.map((name) => ({ name, sizeBytes: 10 }));

describe('onnx variants', () => {
  it.each([
    ['model.onnx', { stem: 'model', precision: '' }],
    ['model_q4f16.onnx', { stem: 'model', precision: 'q4f16' }],
    ['model_qint8_avx512_vnni.onnx', { stem: 'model', precision: 'qint8_avx512_vnni' }],
    ['decoder_model_merged_quantized.onnx', { stem: 'decoder_model_merged', precision: 'quantized' }],
    ['model.onnx_data', null],
  ])('onnx variants: %s', (name, expected) => {
    expect(variantOf(name)).toEqual(expected);
  });

  it('onnx variants: 32-bit floats first, then q4, then 8 bits, halves last', () => {
    const order = ['model.onnx', 'model_q4.onnx', 'model_int8.onnx', 'model_fp16.onnx', 'model_q4f16.onnx'];
    for (let from = 0; from < order.length; from += 1) {
      const left = order.slice(from);
      expect(chooseVariant(files(...left.toReversed()))).toMatchObject({ chosen: order[from] });
    }
  });

  it('onnx variants: floats that are too large for a browser to hold well come after q4', () => {
    const large = [{ name: 'model.onnx_data', sizeBytes: 2e9 }, ...files('model.onnx', 'model_q4.onnx')];
    expect(chooseVariant(large)).toEqual({ chosen: 'model_q4.onnx', others: ['model.onnx'] });
    expect(chooseVariant(large.slice(0, 2))).toMatchObject({ chosen: 'model.onnx' });
  });

  it('onnx variants: the merged graph stands for the two it was made of', () => {
    const names = ['decoder_model.onnx', 'decoder_with_past_model.onnx', 'decoder_model_merged.onnx'];
    expect(chooseVariant(files(...names))).toMatchObject({ chosen: 'decoder_model_merged.onnx' });
  });

  it('onnx variants: two models are not decided between', () => {
    expect(chooseVariant(files('a.onnx', 'b.onnx'))).toEqual({ undecided: ['a.onnx', 'b.onnx'] });
    expect(chooseVariant(files('model.safetensors'))).toBeNull();
  });

  it('onnx variants: files of weights belong to the graph they are named after', () => {
    expect(belongsTo('model.onnx_data_1', 'model.onnx')).toBe(true);
    expect(belongsTo('model_q4.onnx_data', 'model.onnx')).toBe(false);
  });
});
