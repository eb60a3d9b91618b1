import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, tensorMemory } from '../engine';
import { writeSafetensors } from '../lib/formats/safetensors';
import type { TokenBatch } from '../protocol/batches';
import type { LoraConfig, ModelRecord } from '../protocol/models';
import { createModelFamilies } from './families';
import { randomWeights } from './decoder/random-weights';
import { encodeAdapter, parseAdapterConfig, withoutPrefix } from './peft';
import { readSafetensorsHeader } from '../lib/formats/safetensors';
import type { TrainableModel } from './trainable-model';
import { openWeights } from './weights-file';
import { parseLlamaConfig } from './families/llama';

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 32,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  eos_token_id: [1, 2],
};

const LORA: LoraConfig = { rank: 2, alpha: 4, dropout: 0.25, targets: ['q', 'down'] };

const BASE: ModelRecord = {
  id: 'base',
  name: 'Base',
  family: 'llama',
  parameters: 0,
  sizeBytes: 0,
  dtype: 'F32',
  contextLength: 32,
  license: null,
  origin: 'embedded',
  fingerprint: 'abc',
  location: { kind: 'blob', folder: 'models/base' },
  installedAt: 0,
};

function batch(): TokenBatch {
  const tokens = Int32Array.from({ length: 8 }, (_, i) => (i * 5) % 32);
  return {
    rows: 1,
    length: 8,
    tokens,
    labels: tokens.map((token) => (token + 1) % 32),
    positions: tokens.map((_, i) => i),
    segments: new Int32Array(8),
    targetTokens: 8,
  };
}

async function loadRuntime() {
  const { plan } = createModelFamilies().plan(CONFIG);
  const file = writeSafetensors(randomWeights(parseLlamaConfig(CONFIG), 1));
  const files = [{ name: 'model.safetensors', blob: file }];
  return plan.load((await openWeights({ files, fileOf: null }, plan.weightShapes())).read, null);
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('wasm');
});

describe('model files', () => {
  it('ModelFamilies: an unknown architecture is refused with the list of known ones', () => {
    expect(() => createModelFamilies().plan({ architectures: ['BertForMaskedLM'] })).toThrow(
      /BertForMaskedLM is not supported; supported: LlamaForCausalLM, MistralForCausalLM/,
    );
  });

  it('parseLlamaConfig: a bad value is named by its path', () => {
    expect(() => parseLlamaConfig({ ...CONFIG, hidden_size: -4 })).toThrow(/hidden_size/);
    expect(() => parseLlamaConfig({ ...CONFIG, rope_scaling: { type: 'yarn' } })).toThrow(/rope_scaling/);
    expect(() => parseLlamaConfig({ ...CONFIG, num_key_value_heads: 3 })).toThrow(/num_key_value_heads/);
    expect(parseLlamaConfig(CONFIG).stopTokenIds).toEqual([1, 2]);
  });

  it('openWeights: a missing or misshapen array is named', async () => {
    const { plan } = createModelFamilies().plan(CONFIG);
    const weights = randomWeights(parseLlamaConfig(CONFIG), 1);
    weights.delete('model.norm.weight');
    const open = () =>
      openWeights(
        { files: [{ name: 'model.safetensors', blob: writeSafetensors(weights) }], fileOf: null },
        plan.weightShapes(),
      );
    await expect(open()).rejects.toThrow(/model\.norm\.weight is missing/);
    weights.set('model.norm.weight', { shape: [4], data: new Float32Array(4) });
    await expect(open()).rejects.toThrow(/model\.norm\.weight is \[4\], expected \[16\]/);
  });

  it('LoRA: training lowers the loss, repeats itself with dropout, and leaves no tensor behind', async () => {
    const before = tensorMemory().tensors;
    const runtime = await loadRuntime();
    const run = async (): Promise<number[]> => {
      const training = await runtime.createLoraTraining(LORA, 3, null);
      const losses: number[] = [];
      for (let step = 0; step < 6; step += 1) {
        losses.push((await training.accumulate(batch(), step)).lossSum);
        await training.step({ targetTokens: 8, learningRate: 0.05, weightDecay: 0, maxGradNorm: 0 });
      }
      training.dispose();
      return losses;
    };
    const losses = await run();
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
    expect(await run()).toEqual(losses);
    runtime.dispose();
    expect(tensorMemory().tensors).toBe(before);
  });

  it('adapter: what a training exports attaches to the base and decodes like the training', async () => {
    const runtime = await loadRuntime();
    const training = await runtime.createLoraTraining({ ...LORA, dropout: 0 }, 3, null);
    await training.accumulate(batch(), 0);
    await training.step({ targetTokens: 8, learningRate: 0.1, weightDecay: 0, maxGradNorm: 0 });
    const adapter = await runtime.createAdapter(LORA, await training.exportWeights());
    const sessions = [runtime.createSession(adapter), runtime.createTrainingSession(training)] as const;
    expect(await sessions[0].feed([1, 2, 3])).toEqual(await sessions[1].feed([1, 2, 3]));
    for (const session of sessions) session.dispose();
    for (const part of [adapter, training, runtime]) part.dispose();
  });

  it('PEFT: names carry the prefix, and the written config reads back', async () => {
    const weights = new Map([
      ['model.layers.0.self_attn.q_proj.lora_A.weight', { shape: [2, 16], data: new Float32Array(32) }],
    ]);
    const [file, config] = encodeAdapter(weights, LORA, BASE);
    const { tensors } = await readSafetensorsHeader(file?.blob ?? new Blob());
    const [name = ''] = tensors.keys();
    expect(name).toBe('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight');
    expect(weights.has(withoutPrefix(name))).toBe(true);
    expect(parseAdapterConfig((await config?.blob.text()) ?? '')).toMatchObject({
      ...{ rank: 2, alpha: 4, dropout: 0.25, targetModules: ['q_proj', 'down_proj'] },
      ...{ useRslora: false, useDora: false },
    });
  });

  it('PEFT: a rank-stabilised adapter with magnitudes reads back, under any of the names PEFT gave these', async () => {
    const dora = { ...LORA, useRslora: true, useDora: true };
    const name = 'model.layers.0.self_attn.q_proj.lora_magnitude_vector';
    const weights = new Map([[name, { shape: [16], data: new Float32Array(16) }]]);
    const [file, config] = encodeAdapter(weights, dora, BASE);
    const { tensors } = await readSafetensorsHeader(file?.blob ?? new Blob());
    expect([...tensors.keys()]).toEqual([`base_model.model.${name}`]);
    for (const ending of ['', '.weight', '.default', '.default.weight']) {
      expect(withoutPrefix(`base_model.model.${name}${ending}`)).toBe(name);
    }
    expect(parseAdapterConfig((await config?.blob.text()) ?? '')).toMatchObject({
      useRslora: true,
      useDora: true,
    });
  });

  it('DoRA: a new adapter answers like the base, a trained one like its training, and checkpoints continue exactly', async () => {
    const before = tensorMemory().tensors;
    const runtime = await loadRuntime();
    const dora = { ...LORA, dropout: 0, useDora: true };
    const step = { targetTokens: 8, learningRate: 0.1, weightDecay: 0.1, maxGradNorm: 1 };
    const losses = async (training: TrainableModel, count: number): Promise<number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < count; i += 1) {
        seen.push((await training.accumulate(batch(), i)).lossSum);
        await training.step(step);
      }
      return seen;
    };
    const whole = await runtime.createLoraTraining(dora, 3, null);
    const base = runtime.createSession(null);
    const fresh = runtime.createTrainingSession(whole);
    const [plain, adapted] = [await base.feed([1, 2, 3]), await fresh.feed([1, 2, 3])];
    plain.forEach((value, i) => expect(adapted[i]).toBeCloseTo(value, 4));
    const expected = await losses(whole, 4);
    const [first, second] = [
      await runtime.createLoraTraining(dora, 3, null),
      await runtime.createLoraTraining(dora, 3, null),
    ];
    await losses(first, 2);
    await second.importState(await first.exportState());
    expect(await losses(second, 2)).toEqual(expected.slice(2));
    const adapter = await runtime.createAdapter(dora, await whole.exportWeights());
    const [one, other] = [runtime.createSession(adapter), runtime.createTrainingSession(whole)];
    expect(await one.feed([1, 2, 3])).toEqual(await other.feed([1, 2, 3]));
    for (const part of [base, fresh, one, other, adapter, first, second, whole, runtime]) part.dispose();
    expect(tensorMemory().tensors).toBe(before);
  });

  it('parseAdapterConfig: unsupported kinds are refused by name', () => {
    const good = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
    const parse = (more: object) => () => parseAdapterConfig(JSON.stringify({ ...good, ...more }));
    expect(parse({ bias: 'all' })).toThrow(/bias does not fit/);
    expect(parse({ modules_to_save: ['lm_head'] })).toThrow(
      /modules_to_save says that lm_head was trained whole/,
    );
    expect(parse({ init_lora_weights: 'pissa_niter_4' })).toThrow(/pissa_niter_4/);
    expect(parse({ trainable_token_indices: [1] })).toThrow(/trainable_token_indices/);
    expect(
      parse({ target_modules: 'all-linear', fan_in_fan_out: true, init_lora_weights: 'gaussian' })(),
    ).toMatchObject({ rank: 2, targetModules: null });
    expect(() => parseAdapterConfig('{')).toThrow(/not JSON/);
  });
});
