/** How many numbers an array of this shape holds. */
export const elements = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);
