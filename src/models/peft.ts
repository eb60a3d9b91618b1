// Adapters in PEFT's layout: names with its prefix and adapter_config.json (the card is written at export). No tensors.
import * as v from 'valibot';
import { AppError } from '../lib/errors';
import { writeSafetensors, type FloatArray } from '../lib/formats/safetensors';
import type { LoraConfig, LoraTarget, ModelRecord, NamedFile } from '../protocol/models';

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
export const ADAPTER_CONFIG = 'adapter_config.json';
const PREFIX = 'base_model.model.';

const TARGET_OF_MODULE: Record<string, LoraTarget> = {
  q_proj: 'q',
  k_proj: 'k',
  v_proj: 'v',
  o_proj: 'o',
  gate_proj: 'gate',
  up_proj: 'up',
  down_proj: 'down',
};
const TARGET_MODULES = Object.keys(TARGET_OF_MODULE);

const off = (what: string) => v.optional(v.nullable(v.literal(false, `${what} is not supported`)));

const schema = v.object({
  peft_type: v.literal('LORA'),
  r: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  lora_alpha: v.pipe(v.number(), v.finite(), v.gtValue(0)),
  lora_dropout: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1)), 0),
  target_modules: v.pipe(v.array(v.string()), v.minLength(1)),
  use_rslora: v.optional(v.nullable(v.boolean())),
  use_dora: v.optional(v.nullable(v.boolean())),
  fan_in_fan_out: off('the transposed layout'),
  bias: v.optional(v.nullable(v.literal('none', 'trained biases are not supported'))),
});

function badConfig(fact: string, details: Record<string, unknown> = {}): AppError<'adapter.bad-config'> {
  return new AppError('adapter.bad-config', `${ADAPTER_CONFIG}: ${fact}.`, {
    details,
    remedy: 'Use the unchanged adapter_config.json that belongs to these adapter weights.',
  });
}

/** `model.layers.0.self_attn.q_proj` or `q_proj`, by its last part. */
function targetOfModule(name: string): LoraTarget {
  const target = TARGET_OF_MODULE[name.slice(name.lastIndexOf('.') + 1)];
  if (target !== undefined) return target;
  throw badConfig(`target_modules names ${name}; LoRA is supported on ${TARGET_MODULES.join(', ')}`, {
    module: name,
  });
}

/** @throws AppError `adapter.bad-config` naming the path of the value that does not fit. */
export function parseAdapterConfig(text: string): LoraConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badConfig('it is not JSON');
  }
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const [issue] = result.issues;
    const path = v.getDotPath(issue) ?? 'the file';
    throw badConfig(`${path} does not fit: ${issue.message}`, { path });
  }
  const { r, lora_alpha, lora_dropout, target_modules, use_rslora, use_dora } = result.output;
  return {
    rank: r,
    alpha: lora_alpha,
    dropout: lora_dropout,
    targets: [...new Set(target_modules.map(targetOfModule))],
    useRslora: use_rslora === true,
    useDora: use_dora === true,
  };
}

/** Names as training has them: without the prefix; PEFT's `.default` adapter name is dropped too, and the ending
 * `.weight` that some of its versions give magnitudes. */
export function withoutPrefix(name: string): string {
  const bare = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  return bare
    .replace(/\.(lora_[AB])\.default\.weight$/, '.$1.weight')
    .replace(/\.lora_magnitude_vector(\.default)?(\.weight)?$/, '.lora_magnitude_vector');
}

function configText(lora: LoraConfig, base: ModelRecord): string {
  return JSON.stringify(
    {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: base.name,
      r: lora.rank,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      target_modules: lora.targets.map((target) => `${target}_proj`),
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      modules_to_save: null,
      use_rslora: lora.useRslora === true,
      use_dora: lora.useDora === true,
    },
    null,
    2,
  );
}

/** @param weights LoRA matrices by name, without the prefix. */
export function encodeAdapter(
  weights: ReadonlyMap<string, FloatArray>,
  lora: LoraConfig,
  base: ModelRecord,
): NamedFile[] {
  const prefixed = new Map([...weights].map(([name, array]) => [`${PREFIX}${name}`, array]));
  const metadata = { base_fingerprint: base.fingerprint };
  return [
    { name: ADAPTER_WEIGHTS, blob: writeSafetensors(prefixed, metadata) },
    { name: ADAPTER_CONFIG, blob: new Blob([configText(lora, base)], { type: 'application/json' }) },
  ];
}
