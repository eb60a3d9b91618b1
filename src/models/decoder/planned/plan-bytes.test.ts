import { describe, expect, it } from 'vitest';
import { elements, SOFTWARE_TRAITS, WeightLayout } from '../../../engine/planned';
import { defaultVariant } from '../../../engine/planned/tune/default-variants';
import { LORA_TARGETS, type WeightStorage } from '../../../protocol/models';
import { parseLlamaConfig } from '../../families/llama';
import { plannedActivationBytes } from './plan-bytes';
import { baseGroups, loraGroups } from './weight-groups';

const MIB = 2 ** 20;
/** What WebGPU allows everywhere. */
const slabBytes = 128 * MIB;

/** The sizes of Qwen3-0.6B. */
const CONFIG = parseLlamaConfig({
  architectures: ['LlamaForCausalLM'],
  ...{ vocab_size: 151_936, hidden_size: 1024, intermediate_size: 3072, num_hidden_layers: 28 },
  ...{ num_attention_heads: 16, num_key_value_heads: 8, head_dim: 128, max_position_embeddings: 2048 },
  ...{ rms_norm_eps: 1e-6, rope_theta: 1_000_000, tie_word_embeddings: true },
});
const LORA = { rank: 16, alpha: 32, dropout: 0, targets: [...LORA_TARGETS] };

const baseBytes = (storage: WeightStorage): number =>
  new WeightLayout(baseGroups(CONFIG, storage), slabBytes, false).bytes;

describe('what a step takes', () => {
  it('a base in few bits: as many bytes as its bits and scales', () => {
    // 440 M weights in projections, 156 M in the embedding, 0.1 M in norms; a scale for 32 takes one bit more of each.
    const projections = 28 * 1024 * (4096 + 2048 + 3 * 3072);
    const table = 151_936 * 1024;
    expect(baseBytes('f32') / (4 * (projections + table))).toBeCloseTo(1, 2);
    expect(baseBytes('f16') / (2 * (projections + table))).toBeCloseTo(1, 2);
    expect(baseBytes('int8') / ((9 / 8) * (projections + table))).toBeCloseTo(1, 2);
    expect(baseBytes('int4') / ((5 / 8) * projections + (9 / 8) * table)).toBeCloseTo(1, 2);
  });

  it('LoRA of rank 16 on 4 bits, 512 tokens, on a device with small bindings: under 2 GiB', () => {
    const step = { method: 'lora', lora: LORA, batchSize: 1, sequenceLength: 512 } as const;
    const device = {
      ...{ traits: SOFTWARE_TRAITS, slabBytes },
      variantOf: (shape: Parameters<typeof defaultVariant>[0]) =>
        defaultVariant(shape, { kind: 'software', subgroupLanes: 0 }),
    };
    const { activationsBytes, logitsBytes } = plannedActivationBytes(
      CONFIG,
      { ...step, baseStorage: 'int4' },
      device,
      512 * MIB,
    );
    const adapter = [...loraGroups(CONFIG, LORA).values()].reduce(
      (sum, { shape }) => sum + elements(shape),
      0,
    );
    const total = baseBytes('int4') + 16 * adapter + activationsBytes + logitsBytes;
    expect(total).toBeLessThan(2 ** 31);
    expect(total).toBeGreaterThan(baseBytes('int4') + 16 * adapter);
    // The same in f32 does not fit into it.
    expect(baseBytes('f32') + 16 * adapter).toBeGreaterThan(2 ** 31);
  });
});
