// Rotary scaling of Llama 3.1 as GGUF keeps it: not as its four numbers but as one divisor for each frequency. Both ways;
// the way back is a fit, checked against every divisor.
import { unsupportedGguf } from '../../../lib/formats/gguf/gguf-faults';
import { inverseFrequencies, type DecoderConfig, type RopeScaling } from '../decoder-config';

type Rotary = Pick<DecoderConfig, 'headSize' | 'ropeTheta'>;
type Llama3Scaling = Extract<RopeScaling, { type: 'llama3' }>;

/** Divisors come in 32-bit floats. */
const TOLERANCE = 1e-4;
/** What every Llama since 3.1 has; factor differs. */
const USUAL = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192 };

function frequencies({ headSize, ropeTheta }: Rotary, ropeScaling: RopeScaling | null): Float64Array {
  return inverseFrequencies({ headSize, ropeTheta, ropeScaling } as DecoderConfig);
}

/** What each plain frequency is divided by, [headSize / 2]. */
export function ropeFactors(rotary: Rotary, scaling: Llama3Scaling): Float32Array<ArrayBuffer> {
  const plain = frequencies(rotary, null);
  const scaled = frequencies(rotary, scaling);
  return Float32Array.from(plain, (frequency, i) => frequency / (scaled[i] ?? NaN));
}

/** @throws AppError `model.unsupported` where the divisors follow no llama3 scaling. */
export function scalingOfFactors(rotary: Rotary, factors: Float32Array): RopeScaling | null {
  const factor = factors.at(-1) ?? 1;
  if (factors.every((value) => value === 1)) return null;
  for (const scaling of candidates(rotary, factors, factor)) {
    const expected = ropeFactors(rotary, scaling);
    if (expected.every((value, i) => Math.abs(value / (factors[i] ?? NaN) - 1) < TOLERANCE)) return scaling;
  }
  throw unsupportedGguf(
    `its ${factors.length} rotary factors (1 to ${factor}) are not those of Llama 3.1's scaling`,
    "Use the model's safetensors files with their config.json.",
  );
}

function* candidates(rotary: Rotary, factors: Float32Array, factor: number): Generator<Llama3Scaling> {
  yield { type: 'llama3', factor, ...USUAL };
  const fitted = fit(rotary, factors, factor);
  if (fitted !== null) yield fitted;
}

/**
 * Between the bounds, 1 / divisor = (1 - s) / factor + s where s = (context * frequency / 2 pi - low) / (high - low): a line
 * over the frequency. Its two numbers fix low : high : context; all three may be scaled together, so low is taken as 1.
 */
function fit(rotary: Rotary, factors: Float32Array, factor: number): Llama3Scaling | null {
  const points = [...frequencies(rotary, null)].flatMap((frequency, i) => {
    const smooth = (1 / (factors[i] ?? NaN) - 1 / factor) / (1 - 1 / factor);
    return smooth > TOLERANCE && smooth < 1 - TOLERANCE ? [{ frequency, smooth }] : [];
  });
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const slope = (first.smooth - last.smooth) / (first.frequency - last.frequency);
  const intercept = first.smooth - slope * first.frequency;
  if (!(slope > 0 && intercept < 0)) return null;
  const highFrequencyFactor = 1 - 1 / intercept;
  const context = 2 * Math.PI * slope * (highFrequencyFactor - 1);
  return {
    type: 'llama3',
    factor,
    lowFrequencyFactor: 1,
    highFrequencyFactor: rounded(highFrequencyFactor),
    originalContextLength: Math.max(Math.round(context), 1),
  };
}

/** Nearly an integer is one. */
function rounded(value: number): number {
  return Math.abs(value - Math.round(value)) < TOLERANCE * value ? Math.round(value) : value;
}
