// adapter_config.json as PEFT writes and reads it (src/peft/tuners/lora/config.py): what of it an adapter here can be, and why
// not the rest. Text in, text out; which modules there are is the base's and the weights file's to say.
import * as v from 'valibot';
import { alphaOf, type KindOfModules } from '../decoder/module-adapter';
import { loraScale } from '../decoder/lora-weights';
import type { LoraConfig, ModelRecord } from '../../protocol/models';
import { badConfig } from './adapter-faults';

export interface PeftConfig extends Pick<LoraConfig, 'rank' | 'alpha' | 'dropout'> {
  useRslora: boolean;
  useDora: boolean;
  /** null where they are said by a pattern, or not at all. */
  targetModules: readonly string[] | null;
  rankPattern: ReadonlyMap<string, number>;
  alphaPattern: ReadonlyMap<string, number>;
}

const off = (what: string) => v.optional(v.nullable(v.literal(false, `${what} is not supported`)));
const rank = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const alpha = v.pipe(v.number(), v.finite(), v.gtValue(0));
const patternOf = <Value extends v.GenericSchema<number>>(value: Value) =>
  v.optional(v.nullable(v.record(v.pipe(v.string(), v.maxLength(512)), value)));

const schema = v.object({
  peft_type: v.literal('LORA'),
  r: rank,
  lora_alpha: alpha,
  lora_dropout: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1)), 0),
  target_modules: v.optional(v.nullable(v.union([v.array(v.string()), v.string()]))),
  rank_pattern: patternOf(rank),
  alpha_pattern: patternOf(alpha),
  use_rslora: v.optional(v.nullable(v.boolean())),
  use_dora: v.optional(v.nullable(v.boolean())),
  // How the base keeps its matrices. PEFT sets it by the kind of module, whatever it is given (lora/layer.py,
  // dispatch_default), and keeps A and B the same way round for both (update_layer there).
  fan_in_fan_out: v.optional(v.nullable(v.boolean())),
  bias: v.optional(v.nullable(v.literal('none', 'trained biases are not supported'))),
  lora_bias: off('a bias of its own'),
  use_qalora: off('QALoRA'),
  modules_to_save: v.optional(v.nullable(v.array(v.string()))),
  init_lora_weights: v.optional(v.nullable(v.union([v.boolean(), v.string()]))),
  layer_replication: v.optional(v.nullable(v.array(v.unknown()))),
  target_parameters: v.optional(v.nullable(v.array(v.unknown()))),
  trainable_token_indices: v.optional(v.unknown()),
  alora_invocation_tokens: v.optional(v.unknown()),
});
type Json = v.InferOutput<typeof schema>;

/** Ways to begin that change the base: the adapter is one to what is left of it (PEFT, lora/layer.py: pissa_init and others). */
const CHANGES_BASE = /^(pissa|corda|olora|loftq|lora_ga)/i;

/** @throws AppError `adapter.bad-config` naming the path of the value that does not fit. */
export function parseAdapterConfig(text: string): PeftConfig {
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
  refuseMore(result.output);
  return configOf(result.output);
}

function configOf(json: Json): PeftConfig {
  return {
    rank: json.r,
    alpha: json.lora_alpha,
    dropout: json.lora_dropout,
    useRslora: json.use_rslora === true,
    useDora: json.use_dora === true,
    targetModules: Array.isArray(json.target_modules) ? json.target_modules : null,
    rankPattern: new Map(Object.entries(json.rank_pattern ?? {})),
    alphaPattern: new Map(Object.entries(json.alpha_pattern ?? {})),
  };
}

/** What was trained beside side paths of projections, or on another base. */
function refuseMore(json: Json): void {
  const whole = json.modules_to_save ?? [];
  if (whole.length > 0) {
    const names = whole.join(', ');
    throw badConfig(
      `modules_to_save says that ${names} was trained whole, which an adapter here cannot have`,
      { path: 'modules_to_save', modules: whole },
      'Merge the adapter into its base where it was made, and import the merged model.',
    );
  }
  const begun = json.init_lora_weights;
  if (typeof begun === 'string' && CHANGES_BASE.test(begun)) {
    throw badConfig(
      `init_lora_weights is ${begun}: the adapter is one to a base that was changed when it was begun`,
      { path: 'init_lora_weights' },
      /^loftq/i.test(begun)
        ? 'Merge it into the base that LoftQ made, and import the merged model.'
        : 'Save it with path_initial_model_for_weight_conversion in PEFT, which makes it one to the original base.',
    );
  }
  for (const path of OTHERS) {
    const value = json[path];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    throw badConfig(`${path} is not supported`, { path });
  }
}

const OTHERS = [
  'layer_replication',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
] as const;

/** A name, or its end; a pattern that is more than that is not run: it could take for ever. */
const NAME = /^\^?[\w.\\]+\$?$/;

/**
 * The value of the first pattern that a module's path ends with (PEFT, utils/other.py, get_pattern_key), or else `usual`.
 * @throws AppError `adapter.bad-config` for a regular expression.
 */
export function patternValue(
  patterns: ReadonlyMap<string, number>,
  path: string,
  { usual, of }: { usual: number; of: 'rank_pattern' | 'alpha_pattern' },
): number {
  for (const [pattern, value] of patterns) {
    if (!NAME.test(pattern)) {
      throw badConfig(
        `${of} has the regular expression ${JSON.stringify(pattern)}; only names are understood`,
        {
          path: of,
        },
      );
    }
    const name = pattern.replace(/[\\^$]/g, '');
    if (path === name || path.endsWith(`.${name}`)) return value;
  }
  return usual;
}

/** What an adapter's configuration says of its modules. */
export interface WrittenModules {
  names: readonly string[];
  /** The base keeps its matrices [in, out]. */
  transposed: boolean;
  rank: number;
  alpha: number;
  rankPattern: Record<string, number>;
  alphaPattern: Record<string, number>;
}

/**
 * Scaling stays what it was: PEFT divides alpha by the rank, with rsLoRA by its root, each as its pattern says for the module
 * (lora/model.py, _create_and_replace). Modules of one rank need no patterns.
 * @param nameOf a kind, unmistakable among all that the model has.
 */
export function writtenModules(
  kinds: readonly Pick<KindOfModules, 'kind' | 'rank' | 'modules'>[],
  lora: LoraConfig,
  nameOf: (kind: string) => string,
): WrittenModules {
  const scale = loraScale(lora);
  const ranks = new Set(kinds.map((kind) => kind.rank));
  const [only = lora.rank] = ranks;
  const usual = ranks.size === 1 ? only : lora.rank;
  const alphaFor = (rankOf: number) =>
    rankOf === lora.rank ? lora.alpha : alphaOf(scale, { ...lora, rank: rankOf });
  const others = kinds.filter((kind) => kind.rank !== usual);
  const pattern = (value: (rankOf: number) => number) =>
    Object.fromEntries(others.map((kind) => [nameOf(kind.kind), value(kind.rank)]));
  return {
    names: kinds.map(({ kind }) => nameOf(kind)),
    transposed: kinds.some(({ modules }) => modules.some(({ transposed }) => transposed)),
    rank: usual,
    alpha: alphaFor(usual),
    rankPattern: pattern((own) => own),
    alphaPattern: pattern(alphaFor),
  };
}

/** @param modules absent: the decoder's own projections. */
export function adapterConfigText(lora: LoraConfig, base: ModelRecord, modules?: WrittenModules): string {
  const json = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base.name,
    r: modules?.rank ?? lora.rank,
    lora_alpha: modules?.alpha ?? lora.alpha,
    lora_dropout: lora.dropout,
    target_modules: modules?.names ?? lora.targets.map((target) => `${target}_proj`),
    ...(modules === undefined || Object.keys(modules.rankPattern).length === 0
      ? {}
      : { rank_pattern: modules.rankPattern, alpha_pattern: modules.alphaPattern }),
    bias: 'none',
    fan_in_fan_out: modules?.transposed ?? false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    use_rslora: lora.useRslora === true,
    use_dora: lora.useDora === true,
  };
  return JSON.stringify(json, null, 2);
}
