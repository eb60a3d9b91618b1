// What a Llama does is proven when a device is chosen; what other families do besides is proven here, before the first model
// that needs it is loaded: a tiny decoder with the same traits, on plans, against the 64-bit reference.
import type { PlanDevice } from '../engine';
import { AppError } from '../lib/errors';
import { traitsOf, type DecoderConfig } from './decoder/decoder-config';
import { checkPlannedDecoder } from './planned-self-test';
import { SELF_TEST_CONFIG } from './self-test';

/** Shorter than the sequences of the test. */
const TINY_WINDOW = 5;

/** The self-test's decoder with the traits of `config`; null where it has none that a Llama has not. */
function tinyLike({ slidingWindow = null, traits = {} }: DecoderConfig): DecoderConfig | null {
  if (slidingWindow === null && Object.keys(traits).length === 0) return null;
  const { embeddingScale, localLayers } = traitsOf({ traits });
  return {
    ...SELF_TEST_CONFIG,
    headSize: 8,
    slidingWindow: slidingWindow === null ? null : TINY_WINDOW,
    traits: {
      ...traits,
      embeddingScale: embeddingScale === 1 ? 1 : Math.sqrt(SELF_TEST_CONFIG.hiddenSize),
      localLayers: localLayers === null ? null : [true, false],
    },
  };
}

async function prove(plans: PlanDevice, config: DecoderConfig): Promise<void> {
  const failed = (await checkPlannedDecoder(plans, config)).filter(({ passed }) => !passed);
  const [first] = failed;
  if (first === undefined) return;
  throw new AppError(
    'engine.kernel-failed',
    `This GPU computes models of this kind wrong: ${failed.length} checks failed, first ${first.name} (off by ${first.relativeError.toExponential(1)}).`,
    {
      details: { failed: failed.map(({ name }) => name), traits: config.traits ?? {} },
      remedy: 'Choose WebAssembly in the settings, or update the browser or the graphics driver.',
    },
  );
}

const proven = new WeakMap<PlanDevice, Map<string, Promise<void>>>();

/** Once for each device and set of traits. @throws AppError `engine.kernel-failed`, `engine.out-of-memory`. */
export async function proveTraits(plans: PlanDevice, config: DecoderConfig): Promise<void> {
  const tiny = tinyLike(config);
  if (tiny === null) return;
  const known = proven.get(plans) ?? new Map<string, Promise<void>>();
  proven.set(plans, known);
  const key = JSON.stringify([tiny.slidingWindow, tiny.traits]);
  const proving = known.get(key) ?? prove(plans, tiny);
  known.set(key, proving);
  // Memory may be there the next time.
  proving.catch(() => known.delete(key));
  return proving;
}
