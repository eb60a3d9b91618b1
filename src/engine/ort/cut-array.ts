// An array with fewer steps along one of its axes. Pure.

type Elements = { readonly length: number; subarray(from: number, to: number): Elements };

/** Where the parts that stay lie: so many pieces of `stride` elements, of each the first `length`. */
export interface Cut {
  pieces: number;
  stride: number;
  length: number;
}

/** @param shape before the cut. @param steps that stay along `axis`. */
export function cutOf(shape: readonly number[], axis: number, steps: number): Cut {
  const product = (sizes: readonly number[]): number => sizes.reduce((size, n) => size * n, 1);
  const inner = product(shape.slice(axis + 1));
  return {
    pieces: product(shape.slice(0, axis)),
    stride: (shape[axis] ?? 0) * inner,
    length: steps * inner,
  };
}

/** @param target as long as what stays. */
export function copyCut(
  source: Elements,
  target: { set(part: never, at: number): void },
  { pieces, stride, length }: Cut,
): void {
  for (let piece = 0; piece < pieces; piece += 1) {
    const from = piece * stride;
    target.set(source.subarray(from, from + length) as never, piece * length);
  }
}
