// The shape of a workspace file. Fields this build does not know are dropped; a missing or wrong one names its path.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import type { Conversation } from '../../protocol/conversations';
import { LORA_TARGETS, WEIGHT_STORAGES } from '../../protocol/models';
import type { RunMetricRow, RunRecord } from '../../protocol/training';

export const WORKSPACE_KIND = 'fragua.workspace';
export const WORKSPACE_VERSION = 1;

export interface WorkspaceRun {
  record: RunRecord;
  metrics: RunMetricRow[];
}

export interface WorkspaceFile {
  kind: typeof WORKSPACE_KIND;
  version: number;
  exportedAt: number;
  conversations?: Conversation[] | undefined;
  runs?: WorkspaceRun[] | undefined;
  /** Checked by the settings' own parser. */
  settings?: unknown;
}

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const numberOrNull = v.nullable(v.number());
const stringOrNull = v.nullable(v.string());
const storage = v.picklist(WEIGHT_STORAGES);
const target = v.object({
  modelId: id,
  adapterId: stringOrNull,
  runId: v.exactOptional(id),
  storage: v.exactOptional(storage),
});

const stats = v.object({
  promptTokens: v.number(),
  completionTokens: v.number(),
  cachedTokens: v.number(),
  firstTokenMs: v.number(),
  tokensPerSecond: v.number(),
  seed: v.number(),
  fromResponseCache: v.boolean(),
});

const variant = v.object({
  content: v.string(),
  target: v.nullable(target),
  stats: v.nullable(stats),
  interrupted: stringOrNull,
  createdAt: v.number(),
});

const message = v.pipe(
  v.object({
    id,
    role: v.picklist(['user', 'assistant']),
    variants: v.pipe(v.array(variant), v.minLength(1)),
    selected: count,
  }),
  v.check(({ selected, variants }) => selected < variants.length, 'selected names no variant'),
);

const conversation = v.object({
  id,
  title: v.string(),
  pinned: v.boolean(),
  systemPrompt: v.string(),
  target,
  sampling: v.object({
    temperature: v.number(),
    topK: v.number(),
    topP: v.number(),
    minP: v.number(),
    repetitionPenalty: v.number(),
    seed: numberOrNull,
  }),
  maxTokens: count,
  stop: v.array(v.string()),
  messages: v.array(message),
  createdAt: v.number(),
  updatedAt: v.number(),
});

const mix = v.object({
  weighting: v.picklist(['uniform', 'auto-weighting']),
  strategy: v.pipe(v.string(), v.nonEmpty()),
  oversubscribe: v.boolean(),
  shares: v.array(
    v.object({
      datasetId: id,
      probability: v.number(),
      repeats: numberOrNull,
      startEpoch: v.number(),
      startStep: v.number(),
      endEpoch: numberOrNull,
      endStep: numberOrNull,
      disableAfter: numberOrNull,
      sliderStrength: v.exactOptional(numberOrNull),
    }),
  ),
});

const trainingConfig = v.object({
  name: v.string(),
  modelId: id,
  startFromAdapterId: stringOrNull,
  datasetId: id,
  mix: v.exactOptional(mix),
  method: v.picklist(['lora', 'full']),
  baseStorage: v.exactOptional(storage),
  lora: v.object({
    rank: v.number(),
    alpha: v.number(),
    dropout: v.number(),
    targets: v.array(v.picklist(LORA_TARGETS)),
    useRslora: v.optional(v.boolean(), false),
    useDora: v.optional(v.boolean(), false),
  }),
  epochs: v.number(),
  maxSteps: numberOrNull,
  batchSize: v.number(),
  gradientAccumulation: v.number(),
  sequenceLength: v.number(),
  packing: v.boolean(),
  trainOn: v.picklist(['assistant', 'all']),
  evalShare: v.number(),
  learningRate: v.number(),
  schedule: v.pipe(v.string(), v.nonEmpty()),
  warmupRatio: v.number(),
  weightDecay: v.number(),
  maxGradNorm: v.number(),
  emaDecay: numberOrNull,
  evalInterval: v.number(),
  earlyStoppingPatience: numberOrNull,
  checkpointInterval: v.number(),
  keepCheckpoints: v.number(),
  prefetch: v.exactOptional(v.number()),
  samplePrompts: v.array(v.string()),
  seed: v.number(),
});

const stepMetrics = v.object({
  runId: id,
  step: count,
  totalSteps: count,
  epoch: v.number(),
  loss: numberOrNull,
  learningRate: v.number(),
  gradNorm: numberOrNull,
  tokensPerSecond: v.number(),
  memoryBytes: v.number(),
  elapsedSeconds: v.number(),
  remainingSeconds: numberOrNull,
  dataWaitShare: v.exactOptional(v.number()),
});

const evaluation = v.object({
  runId: id,
  step: count,
  loss: v.number(),
  perplexity: v.number(),
  targetTokens: v.number(),
  best: v.boolean(),
  samples: v.array(v.object({ prompt: v.string(), text: v.string() })),
});

const metricRow = v.variant('kind', [
  v.object({ kind: v.literal('step'), ...stepMetrics.entries }),
  v.object({ kind: v.literal('evaluation'), ...evaluation.entries }),
]);

const leftDataset = v.object({
  datasetId: id,
  fromMicroStep: count,
  rows: count,
  batches: count,
});

const shareSummary = v.object({
  datasetId: id,
  rows: count,
  batches: count,
  draws: count,
  toppedUp: count,
});

const lostSource = v.object({
  code: v.string(),
  message: v.string(),
  remedy: stringOrNull,
  datasetId: stringOrNull,
});

const run = v.object({
  id,
  config: trainingConfig,
  status: v.picklist(['running', 'paused', 'interrupted', 'finished', 'stopped', 'failed']),
  clock: v.object({ epoch: v.number(), microStep: count, optimizerStep: count }),
  totalSteps: count,
  parameters: v.number(),
  trainableParameters: v.number(),
  backend: v.string(),
  left: v.exactOptional(v.array(leftDataset)),
  shares: v.exactOptional(v.array(shareSummary)),
  lost: v.exactOptional(v.nullable(lostSource)),
  sampling: v.exactOptional(v.record(v.string(), v.number())),
  baseError: v.exactOptional(v.object({ worst: v.number(), worstTensor: v.string(), mean: v.number() })),
  evalLossBefore: numberOrNull,
  evalLossBest: numberOrNull,
  evalLossLast: numberOrNull,
  lastMetrics: v.nullable(stepMetrics),
  adapterId: stringOrNull,
  tunedModelId: stringOrNull,
  note: stringOrNull,
  createdAt: v.number(),
  updatedAt: v.number(),
});

const workspace = v.object({
  kind: v.literal(WORKSPACE_KIND),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  exportedAt: v.number(),
  conversations: v.optional(v.array(conversation)),
  runs: v.optional(v.array(v.object({ record: run, metrics: v.array(metricRow) }))),
  settings: v.optional(v.unknown()),
});

/** A single conversation, as its own export writes it, is a workspace file with nothing else in it. */
function asWorkspace(input: unknown): unknown {
  const bare = typeof input === 'object' && input !== null && !('kind' in input) && 'messages' in input;
  if (!bare) return input;
  return { kind: WORKSPACE_KIND, version: WORKSPACE_VERSION, exportedAt: 0, conversations: [input] };
}

/** @throws AppError `import.invalid` that names the path and what was there. */
export function parseWorkspace(file: unknown): WorkspaceFile {
  const input = asWorkspace(file);
  assertVersion(input);
  const parsed = v.safeParse(workspace, input);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = v.getDotPath(issue) ?? '';
  throw new AppError(
    'import.invalid',
    `The file is damaged at ${path === '' ? 'its top' : path}: ${issue.message}.`,
    {
      details: { path, received: issue.received, problems: parsed.issues.length },
      remedy: 'Export it again; nothing was imported.',
    },
  );
}

function assertVersion(input: unknown): void {
  const version: unknown =
    typeof input === 'object' && input !== null && 'kind' in input && input.kind === WORKSPACE_KIND
      ? Reflect.get(input, 'version')
      : null;
  if (version === null) {
    throw new AppError('import.invalid', 'This is not a file exported by Fragua.', {
      details: { path: 'kind' },
      remedy: 'Choose the .json file that "Export everything" wrote.',
    });
  }
  if (typeof version === 'number' && version > WORKSPACE_VERSION) {
    throw new AppError(
      'import.invalid',
      `The file has version ${version}; this build reads ${WORKSPACE_VERSION}.`,
      {
        details: { path: 'version', value: version },
        remedy: 'Reload the page to get the newest build, then import again.',
      },
    );
  }
}
