// The shape of the settings. Ranges of training fields are training-config.ts's; here they only have their types.
import * as v from 'valibot';
import { LORA_TARGETS, WEIGHT_STORAGES } from '../../protocol/models';
import {
  BACKEND_CHOICES,
  HUB_ADDRESS,
  LANGUAGES,
  MEMORY_GIGABYTES,
  SETTINGS_VERSION,
  THEMES,
  VARIABLE_NAME,
} from './settings';

const within = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const whole = (min: number, max: number) => v.pipe(within(min, max), v.integer());

const generation = v.strictObject({
  temperature: within(0, 10),
  topK: whole(0, 1_000_000),
  topP: within(0, 1),
  minP: within(0, 1),
  repetitionPenalty: v.pipe(v.number(), v.gtValue(0), v.maxValue(10)),
  seed: v.nullable(whole(0, 4_294_967_295)),
  maxTokens: whole(1, 131_072),
});

/** NaN is let through to the check that has words for it. */
const anyNumber = v.union([v.number(), v.nan()]);

const training = v.strictObject({
  method: v.picklist(['lora', 'full']),
  baseStorage: v.optional(v.picklist(WEIGHT_STORAGES), 'f32'),
  lora: v.strictObject({
    rank: anyNumber,
    alpha: anyNumber,
    dropout: anyNumber,
    targets: v.array(v.picklist(LORA_TARGETS)),
    useRslora: v.optional(v.boolean(), false),
    useDora: v.optional(v.boolean(), false),
  }),
  epochs: anyNumber,
  maxSteps: v.nullable(anyNumber),
  batchSize: anyNumber,
  gradientAccumulation: anyNumber,
  sequenceLength: anyNumber,
  packing: v.boolean(),
  trainOn: v.picklist(['assistant', 'all']),
  evalShare: anyNumber,
  learningRate: anyNumber,
  schedule: v.pipe(v.string(), v.nonEmpty()),
  warmupRatio: anyNumber,
  weightDecay: anyNumber,
  maxGradNorm: anyNumber,
  emaDecay: v.nullable(anyNumber),
  evalInterval: anyNumber,
  earlyStoppingPatience: v.nullable(anyNumber),
  checkpointInterval: anyNumber,
  keepCheckpoints: anyNumber,
  prefetch: v.optional(anyNumber, 4),
  samplePrompts: v.array(v.string()),
  seed: anyNumber,
});

export const settingsSchema = v.strictObject({
  version: v.literal(SETTINGS_VERSION),
  appearance: v.strictObject({ theme: v.picklist(THEMES), language: v.picklist(LANGUAGES) }),
  engine: v.strictObject({
    backend: v.picklist(BACKEND_CHOICES),
    memoryGigabytes: v.nullable(within(MEMORY_GIGABYTES.min, MEMORY_GIGABYTES.max)),
  }),
  hub: v.strictObject({ endpoint: v.pipe(v.string(), v.regex(HUB_ADDRESS)) }),
  data: v.strictObject({
    variables: v.array(
      v.strictObject({ name: v.pipe(v.string(), v.regex(VARIABLE_NAME)), value: v.string() }),
    ),
  }),
  generation,
  training,
});
