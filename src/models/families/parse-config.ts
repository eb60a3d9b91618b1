// config.json of a Llama-family model, checked by a schema whose complaints name the path.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import type { DecoderConfig, RopeScaling } from '../decoder/decoder-config';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const tokenIds = v.union([v.pipe(v.number(), v.safeInteger()), v.array(v.pipe(v.number(), v.safeInteger()))]);

const ropeScalingSchema = v.variant('rope_type', [
  v.object({ rope_type: v.literal('default') }),
  v.object({ rope_type: v.literal('linear'), factor: positive }),
  v.object({
    rope_type: v.literal('llama3'),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: size,
  }),
]);

/** Older files write `type`. */
const scalingInput = v.pipe(
  v.record(v.string(), v.unknown()),
  v.transform((scaling) => ({ ...scaling, rope_type: scaling['rope_type'] ?? scaling['type'] })),
  ropeScalingSchema,
);

const schema = v.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: v.optional(v.nullable(size)),
  head_dim: v.optional(v.nullable(size)),
  intermediate_size: size,
  max_position_embeddings: size,
  rope_theta: v.optional(positive, 10_000),
  rope_scaling: v.optional(v.nullable(scalingInput)),
  rms_norm_eps: positive,
  tie_word_embeddings: v.optional(v.boolean(), false),
  hidden_act: v.optional(v.literal('silu'), 'silu'),
  attention_bias: v.optional(v.literal(false), false),
  mlp_bias: v.optional(v.literal(false), false),
  eos_token_id: v.optional(v.nullable(tokenIds)),
  sliding_window: v.optional(v.nullable(size)),
  use_sliding_window: v.optional(v.nullable(v.boolean())),
});

type Parsed = v.InferOutput<typeof schema>;

function unsupported(path: string, fact: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `config.json: ${path} ${fact}.`, {
    details: { path },
    remedy: 'Use the unchanged config.json that belongs to these weights.',
  });
}

function ropeScaling(scaling: Parsed['rope_scaling']): RopeScaling | null {
  if (scaling === undefined || scaling === null || scaling.rope_type === 'default') return null;
  if (scaling.rope_type === 'linear') return { type: 'linear', factor: scaling.factor };
  return {
    type: 'llama3',
    factor: scaling.factor,
    lowFrequencyFactor: scaling.low_freq_factor,
    highFrequencyFactor: scaling.high_freq_factor,
    originalContextLength: scaling.original_max_position_embeddings,
  };
}

function checkHeads({ heads, kvHeads, headSize }: DecoderConfig): void {
  if (heads % kvHeads !== 0) {
    throw unsupported('num_key_value_heads', `is ${kvHeads}, which does not divide the ${heads} heads`);
  }
  if (headSize % 2 !== 0) throw unsupported('head_dim', `is ${headSize}; rotary positions need an even one`);
}

/** @throws AppError `model.unsupported` naming the path of the value that does not fit. */
export function parseLlamaConfig(json: unknown): DecoderConfig {
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const [issue] = result.issues;
    throw unsupported(v.getDotPath(issue) ?? 'the file', `does not fit: ${issue.message}`);
  }
  const c = result.output;
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headSize)) {
    throw unsupported(
      'hidden_size',
      `is ${c.hidden_size}, which ${c.num_attention_heads} heads cannot share`,
    );
  }
  const config: DecoderConfig = {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
    headSize,
    intermediateSize: c.intermediate_size,
    contextLength: c.max_position_embeddings,
    ropeTheta: c.rope_theta,
    ropeScaling: ropeScaling(c.rope_scaling),
    normEpsilon: c.rms_norm_eps,
    tiedHead: c.tie_word_embeddings,
    stopTokenIds: [c.eos_token_id ?? []].flat(),
    // Some files give a size and say elsewhere that it is not used.
    slidingWindow: c.use_sliding_window === false ? null : (c.sliding_window ?? null),
  };
  checkHeads(config);
  return config;
}
