// Does this device compute right? A tiny decoder on the active backend against the 64-bit reference: loss, every
// gradient, and decoding with a cache. Some drivers return wrong numbers without an error; this is how they are caught.
import {
  dispose,
  GradientWindow,
  readFloats,
  referenceDecoder,
  relativeError,
  type ReferenceWeights,
} from '../engine';
import { Random } from '../lib/random';
import type { TokenBatch } from '../protocol/batches';
import type { BackendName, SelfTestReport } from '../protocol/engine';
import type { LoraConfig } from '../protocol/models';
import { fromEngine, type FileArray } from './file-layout';
import { AdaptedNorms } from './decoder/eager/adapted-norms';
import type { DecoderWeights } from './decoder/eager/decoder-weights';
import { noDropout } from './decoder/eager/dropout-masks';
import { inverseFrequencies, traitsOf, type DecoderConfig } from './decoder/decoder-config';
import { EagerGraph } from './decoder/eager/eager-graph';
import { adapterShapes, HEAD, weightShapes } from './decoder/decoder-names';
import { EagerSession } from './decoder/eager/eager-session';
import { loraScale, withLora } from './decoder/lora-weights';
import { TensorTable } from './tensor-table';

export const TOLERANCE = 1e-4;
/** What the reference has to know of an adapter. */
type SelfTestLora = Pick<LoraConfig, 'rank' | 'alpha' | 'targets' | 'useRslora' | 'useDora'>;
export const SELF_TEST_LORA: SelfTestLora = {
  rank: 2,
  alpha: 3,
  targets: ['q', 'v', 'o', 'gate', 'down'],
};

/** Grouped heads, two layers, an output head of its own, and a head size that is no power of two. */
export const SELF_TEST_CONFIG: DecoderConfig = {
  vocabSize: 29,
  hiddenSize: 12,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 6,
  intermediateSize: 20,
  contextLength: 64,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: false,
  stopTokenIds: [],
};

/** Two rows, the second one packed from two samples and padded; some labels are masked. */
export function selfTestBatch(): TokenBatch {
  const [rows, length] = [2, 8];
  const random = new Random(7);
  const tokens = Int32Array.from({ length: rows * length }, () => random.integer(29));
  const labels = tokens.map((_, i) => (i % 5 === 3 || i === 15 ? -100 : random.integer(29)));
  const positions = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 0, 1, 2, 3, 0);
  const segments = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, -1);
  return {
    rows,
    length,
    tokens,
    labels,
    positions,
    segments,
    targetTokens: labels.filter((l) => l >= 0).length,
  };
}

/** Larger than any initialisation, so that every path carries weight. */
export function selfTestWeights(
  config: DecoderConfig,
  withAdapter: boolean,
  lora: SelfTestLora = SELF_TEST_LORA,
): Map<string, FileArray> {
  const random = new Random(11);
  const shapes = weightShapes(config);
  if (withAdapter) {
    for (const [name, shape] of adapterShapes(config, lora)) shapes.set(name, shape);
  }
  const weights = new Map<string, FileArray>();
  for (const [name, shape] of shapes) {
    const size = shape.reduce((product, n) => product * n, 1);
    const centre = /norm\.weight$|magnitude_vector$/.test(name) ? 1 : 0;
    const data = Float32Array.from({ length: size }, () => centre + 0.3 * random.normal());
    weights.set(name, { shape, data });
  }
  return weights;
}

/** The reference's view of the same model. */
export function referenceOf(
  config: DecoderConfig,
  weights: ReferenceWeights,
  batch: TokenBatch,
  lora: SelfTestLora = SELF_TEST_LORA,
) {
  const { localRopeTheta, ...traits } = traitsOf(config);
  return referenceDecoder(
    {
      ...config,
      traits: {
        ...traits,
        localInverseFrequencies: localRopeTheta === null ? null : inverseFrequencies(config, true),
      },
      inverseFrequencies: inverseFrequencies(config),
      epsilon: config.normEpsilon,
      loraScale: loraScale(lora),
    },
    weights,
    batch,
  );
}

/** Views over the table, with the adapter where it has one. */
function weightsOf(
  config: DecoderConfig,
  table: TensorTable,
  norms: AdaptedNorms,
  lora: SelfTestLora = SELF_TEST_LORA,
): DecoderWeights {
  const base: DecoderWeights = {
    tensor: (name) => table.get(name),
    linear: (path) => ({ weight: table.get(`${path}.weight`), lora: null, bias: table.find(`${path}.bias`) }),
    head: () => (config.tiedHead ? null : table.get(HEAD)),
  };
  return withLora(base, lora, (name) => table.find(name), norms);
}

export type Check = SelfTestReport['checks'][number];

export function check(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): Check {
  const error = relativeError(actual, expected);
  return { name, relativeError: error, tolerance: TOLERANCE, passed: error <= TOLERANCE };
}

/** What a decoder computed: the loss and the gradients by name, in the shapes of the file. */
export interface Computed {
  loss: number;
  gradients: Map<string, Float32Array>;
}

/** Loss and gradients on the active backend. @param activationBudgetBytes 0 runs every block twice. */
export async function computeGradients(
  config: DecoderConfig,
  weights: ReadonlyMap<string, FileArray>,
  batch: TokenBatch,
  activationBudgetBytes: number,
  lora: SelfTestLora = SELF_TEST_LORA,
): Promise<Computed> {
  const table = new TensorTable(weights);
  const norms = new AdaptedNorms();
  const window = new GradientWindow(weights.keys());
  try {
    const graph = new EagerGraph(config, activationBudgetBytes);
    const scalar = graph.lossAndGradients(batch, weightsOf(config, table, norms, lora), window, noDropout);
    const [loss = NaN] = await readFloats(scalar);
    dispose(scalar);
    const gradients = new Map<string, Float32Array>();
    for (const name of weights.keys()) {
      const gradient = window.get(name);
      if (gradient !== null) gradients.set(name, (await fromEngine(name, gradient)).data);
    }
    return { loss, gradients };
  } finally {
    window.clear();
    norms.clear();
    table.dispose();
  }
}

/** What changes no probability, as a bias of keys that are not rotated, has a gradient of nothing but rounding. */
const isZero = (gradient: Float64Array): boolean => gradient.every((value) => Math.abs(value) < 1e-12);

function checkZero(name: string, computed: ArrayLike<number>, length: number): Check {
  const most = Math.max(...Array.from(computed, Math.abs));
  const error = computed.length === length ? most : Infinity;
  return {
    name: `gradient of ${name}`,
    relativeError: error,
    tolerance: TOLERANCE,
    passed: error <= TOLERANCE,
  };
}

/** One check for the loss and one for each gradient of the reference; an absent gradient fails. */
export function compareGradients(actual: Computed, expected: ReturnType<typeof referenceOf>): Check[] {
  const checks = [check('loss', [actual.loss], [expected.loss])];
  for (const [name, gradient] of expected.gradients) {
    const computed = actual.gradients.get(name) ?? [];
    checks.push(
      isZero(gradient)
        ? checkZero(name, computed, gradient.length)
        : check(`gradient of ${name}`, computed, gradient),
    );
  }
  return checks;
}

/** `computeGradients` against the reference. */
export async function checkGradients(
  config: DecoderConfig,
  weights: ReadonlyMap<string, FileArray>,
  batch: TokenBatch,
  activationBudgetBytes: number,
  lora: SelfTestLora = SELF_TEST_LORA,
): Promise<Check[]> {
  const actual = await computeGradients(config, weights, batch, activationBudgetBytes, lora);
  return compareGradients(actual, referenceOf(config, weights, batch, lora));
}

/** Logits of the last token, fed in pieces over the cache, against the whole sequence at once. */
export async function checkDecoding(
  config: DecoderConfig,
  weights: ReadonlyMap<string, FileArray>,
  lora: SelfTestLora = SELF_TEST_LORA,
): Promise<Check> {
  const batch = selfTestBatch();
  const length = batch.length;
  const first = {
    ...batch,
    rows: 1,
    tokens: batch.tokens.slice(0, length),
    labels: batch.labels.slice(0, length),
  };
  const { logits } = referenceOf(config, weights, first, lora);
  const table = new TensorTable(weights);
  const norms = new AdaptedNorms();
  const session = new EagerSession(config, () => weightsOf(config, table, norms, lora));
  try {
    await session.feed([...first.tokens.slice(0, 5)]);
    session.truncate(4);
    for (const token of first.tokens.slice(4, 7)) await session.feed([token]);
    const last = await session.feed([first.tokens[7] ?? 0]);
    return check('decoding with a cache', last, logits.slice((length - 1) * config.vocabSize));
  } finally {
    session.dispose();
    norms.clear();
    table.dispose();
  }
}

/** Runs on whatever backend is active. */
export async function runSelfTest(backend: BackendName): Promise<SelfTestReport> {
  const weights = selfTestWeights(SELF_TEST_CONFIG, true);
  const checks = await checkGradients(SELF_TEST_CONFIG, weights, selfTestBatch(), 0);
  checks.push(await checkDecoding(SELF_TEST_CONFIG, weights));
  return { backend, checks, passed: checks.every(({ passed }) => passed) };
}
