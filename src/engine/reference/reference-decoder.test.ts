import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { referenceDecoder, type ReferenceBatch, type ReferenceConfig } from './reference-decoder';

const config: ReferenceConfig = {
  layers: 1,
  heads: 2,
  kvHeads: 1,
  headSize: 2,
  inverseFrequencies: [1],
  epsilon: 1e-5,
  tiedHead: false,
  loraScale: 0.5,
};

const shapes: Record<string, number[]> = {
  'model.embed_tokens.weight': [5, 4],
  'model.layers.0.input_layernorm.weight': [4],
  'model.layers.0.post_attention_layernorm.weight': [4],
  'model.layers.0.self_attn.q_proj.weight': [4, 4],
  'model.layers.0.self_attn.q_proj.lora_A.weight': [1, 4],
  'model.layers.0.self_attn.q_proj.lora_B.weight': [4, 1],
  'model.layers.0.self_attn.k_proj.weight': [2, 4],
  'model.layers.0.self_attn.v_proj.weight': [2, 4],
  'model.layers.0.self_attn.o_proj.weight': [4, 4],
  'model.layers.0.mlp.gate_proj.weight': [3, 4],
  'model.layers.0.mlp.up_proj.weight': [3, 4],
  'model.layers.0.mlp.down_proj.weight': [4, 3],
  'model.norm.weight': [4],
  'lm_head.weight': [5, 4],
};

const batch: ReferenceBatch = {
  rows: 2,
  length: 3,
  tokens: [1, 2, 3, 4, 0, 2],
  labels: [2, 3, -100, 0, 2, 1],
  positions: [0, 1, 2, 0, 0, 1],
  segments: [0, 0, 0, 0, 1, 1],
};

function randomWeights() {
  const random = new Random(1);
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: Float64Array.from({ length: size }, () => random.normal()) }];
    }),
  );
}

describe('referenceDecoder', () => {
  it('referenceDecoder: every gradient agrees with central differences', () => {
    const weights = randomWeights();
    const { gradients } = referenceDecoder(config, weights, batch);
    const step = 1e-5;
    for (const [name, { data }] of weights) {
      for (let i = 0; i < data.length; i += 1) {
        const value = data[i] ?? 0;
        data[i] = value + step;
        const above = referenceDecoder(config, weights, batch).loss;
        data[i] = value - step;
        const below = referenceDecoder(config, weights, batch).loss;
        data[i] = value;
        // Central differences err by about step^2 and rounding / step: 1e-10 and 1e-10.
        expect(gradients.get(name)?.[i], `${name}[${i}]`).toBeCloseTo((above - below) / (2 * step), 6);
      }
    }
  });

  it('referenceDecoder: a row without labels adds nothing', () => {
    const weights = randomWeights();
    const { loss } = referenceDecoder(config, weights, {
      ...batch,
      labels: [-100, -100, -100, -100, -100, -100],
    });
    expect(loss).toBe(0);
  });
});
