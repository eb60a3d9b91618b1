// What the config.json files of several families have in common: numbers and rotary positions, checked by schemas whose
// complaints name the path.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import type { DecoderConfig, RopeScaling } from '../decoder/decoder-config';

export const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
export const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
/** A switch that only works one way here. */
export const only = (value: boolean) => v.optional(v.nullable(v.literal(value)), value);
/** What is only supported where it is not there. */
export const absent = v.optional(v.null(), null);
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

/** Of decoders that rotate. */
export const decoderEntries = {
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
  eos_token_id: v.optional(v.nullable(tokenIds)),
  sliding_window: v.optional(v.nullable(size)),
};

export const stopEntries = { eos_token_id: decoderEntries.eos_token_id };

export function unsupported(path: string, fact: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `config.json: ${path} ${fact}.`, {
    details: { path },
    remedy: 'Use the unchanged config.json that belongs to these weights.',
  });
}

/**
 * Newer files have the base and the scaling of rotary positions together.
 * @throws AppError `model.unsupported` naming the path of the value that does not fit.
 */
export function parseConfig<const Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, withRopeParameters(json));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw unsupported(v.getDotPath(issue) ?? 'the file', `does not fit: ${issue.message}`);
}

function withRopeParameters(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('rope_parameters' in json)) return json;
  const { rope_parameters: parameters } = json;
  if (typeof parameters !== 'object' || parameters === null || !('rope_type' in parameters)) return json;
  const theta = 'rope_theta' in parameters ? { rope_theta: parameters.rope_theta } : {};
  return { ...json, rope_scaling: parameters, ...theta };
}

function ropeScaling(scaling: v.InferOutput<typeof scalingInput> | null | undefined): RopeScaling | null {
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

type DecoderSchema = v.ObjectSchema<typeof decoderEntries, undefined>;

/** The numbers as they stand; what a family has besides comes on top. @throws AppError `model.unsupported`. */
export function decoderNumbers(c: v.InferOutput<DecoderSchema>): DecoderConfig {
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headSize)) {
    throw unsupported(
      'hidden_size',
      `is ${c.hidden_size}, which ${c.num_attention_heads} heads cannot share`,
    );
  }
  const heads = c.num_attention_heads;
  const kvHeads = c.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0) {
    throw unsupported('num_key_value_heads', `is ${kvHeads}, which does not divide the ${heads} heads`);
  }
  if (headSize % 2 !== 0) throw unsupported('head_dim', `is ${headSize}; rotary positions need an even one`);
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads,
    kvHeads,
    headSize,
    intermediateSize: c.intermediate_size,
    contextLength: c.max_position_embeddings,
    ropeTheta: c.rope_theta,
    ropeScaling: ropeScaling(c.rope_scaling),
    normEpsilon: c.rms_norm_eps,
    tiedHead: c.tie_word_embeddings,
    stopTokenIds: stopIds(c.eos_token_id),
    slidingWindow: c.sliding_window ?? null,
  };
}

export const stopIds = (ids: number | number[] | null | undefined): number[] => [ids ?? []].flat();
