// Pixels resized as PIL resizes them, which is what encoders were trained with: two passes, each pixel a weighted sum of those
// under it, over a wider stretch where a picture becomes smaller. Pure, and the same in every browser; levels are not rounded
// between the passes.
import type { PictureFilter } from '../../core/picture-preprocessing';
import type { Size } from './picture-size';

/** Red, green, blue for each pixel, row by row. */
export interface Pixels extends Size {
  /** Levels of 0 to 255. Length: 3 x width x height. */
  values: Float32Array;
}

interface Kernel {
  /** Pixels on each side, at the size of the source. */
  support: number;
  weight: (distance: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Catmull and Rom's, a = -0.5. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

const KERNELS: Record<Exclude<PictureFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

export function resizePixels(source: Pixels, target: Size, filter: PictureFilter): Pixels {
  const columns = taps(source.width, target.width, filter);
  const wide = pass(source.values, columns, { lines: source.height, step: 3, line: 3 * source.width }, 3);
  const rows = taps(source.height, target.height, filter);
  const line = 3 * target.width;
  const values = passDown(wide, rows, line);
  return { ...target, values };
}

/** From which pixel on a pixel of the target takes how much of each. */
interface Tap {
  first: number;
  weights: readonly number[];
}

function taps(source: number, target: number, filter: PictureFilter): Tap[] {
  const scale = source / target;
  if (filter === 'nearest') {
    return Array.from({ length: target }, (_, i) => ({ first: Math.floor((i + 0.5) * scale), weights: [1] }));
  }
  const { support, weight } = KERNELS[filter];
  const stretch = Math.max(1, scale);
  return Array.from({ length: target }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support * stretch + 0.5));
    const last = Math.min(source, Math.floor(centre + support * stretch + 0.5));
    const weights = Array.from({ length: last - first }, (__, k) =>
      weight((first + k - centre + 0.5) / stretch),
    );
    const sum = weights.reduce((total, value) => total + value, 0);
    return { first, weights: weights.map((value) => value / sum) };
  });
}

/** Along the rows. */
function pass(
  values: Float32Array,
  columns: readonly Tap[],
  { lines, step, line }: { lines: number; step: number; line: number },
  colours: number,
): Float32Array {
  const result = new Float32Array(lines * columns.length * colours);
  let at = 0;
  for (let y = 0; y < lines; y += 1) {
    for (const { first, weights } of columns) {
      for (let colour = 0; colour < colours; colour += 1) {
        let sum = 0;
        let from = y * line + first * step + colour;
        for (const weight of weights) {
          sum += weight * (values[from] ?? 0);
          from += step;
        }
        result[at++] = clamped(sum);
      }
    }
  }
  return result;
}

/** Across them. @param line numbers of a row. */
function passDown(values: Float32Array, rows: readonly Tap[], line: number): Float32Array {
  const result = new Float32Array(rows.length * line);
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < line; x += 1) {
      let sum = 0;
      weights.forEach((weight, k) => (sum += weight * (values[(first + k) * line + x] ?? 0)));
      result[y * line + x] = clamped(sum);
    }
  });
  return result;
}

/** Cubic filters swing beyond what a level can be. */
const clamped = (level: number): number => Math.min(255, Math.max(0, level));
