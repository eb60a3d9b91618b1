// The yardstick: matrices in 64-bit floats with reverse-mode gradients, in plain TypeScript, written for clarity and
// nothing else. It shares no code with the engine's operations, so an error must be made twice to go unseen.

/** A row-major matrix and, after `backward`, the gradient of the result by it. */
export class Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
  readonly gradient: Float64Array;

  constructor(rows: number, columns: number, data: ArrayLike<number> = new Float64Array(rows * columns)) {
    this.rows = rows;
    this.columns = columns;
    this.data = Float64Array.from(data);
    this.gradient = new Float64Array(rows * columns);
  }

  at(row: number, column: number): number {
    return this.data[row * this.columns + column] ?? NaN;
  }
}

/** Adds `value` to an element of an array that has it. */
function bump(array: Float64Array, index: number, value: number): void {
  array[index] = (array[index] ?? NaN) + value;
}

/** Records each operation's way back; `backward` walks them in reverse. */
export class Tape {
  readonly #ways: (() => void)[] = [];

  /** @param result 1 x 1. */
  backward(result: Matrix): void {
    result.gradient[0] = 1;
    for (const way of this.#ways.reverse()) way();
  }

  #record(rows: number, columns: number, fill: (row: number, column: number) => number): Matrix {
    const out = new Matrix(rows, columns);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1)
        out.data[row * columns + column] = fill(row, column);
    }
    return out;
  }

  /** Visits every element of `out` with its gradient on the way back. */
  #onBack(out: Matrix, visit: (row: number, column: number, gradient: number) => void): Matrix {
    this.#ways.push(() => {
      for (let i = 0; i < out.gradient.length; i += 1) {
        visit(Math.floor(i / out.columns), i % out.columns, out.gradient[i] ?? NaN);
      }
    });
    return out;
  }

  /** a b^T, the product of Hugging Face's linear layers: a [n, k], b [m, k]. */
  timesTransposed(a: Matrix, b: Matrix): Matrix {
    const out = this.#record(a.rows, b.rows, (row, column) => {
      let sum = 0;
      for (let k = 0; k < a.columns; k += 1) sum += a.at(row, k) * b.at(column, k);
      return sum;
    });
    return this.#onBack(out, (row, column, g) => {
      for (let k = 0; k < a.columns; k += 1) {
        bump(a.gradient, row * a.columns + k, g * b.at(column, k));
        bump(b.gradient, column * b.columns + k, g * a.at(row, k));
      }
    });
  }

  /** a b: a [n, k], b [k, m]. */
  times(a: Matrix, b: Matrix): Matrix {
    const out = this.#record(a.rows, b.columns, (row, column) => {
      let sum = 0;
      for (let k = 0; k < a.columns; k += 1) sum += a.at(row, k) * b.at(k, column);
      return sum;
    });
    return this.#onBack(out, (row, column, g) => {
      for (let k = 0; k < a.columns; k += 1) {
        bump(a.gradient, row * a.columns + k, g * b.at(k, column));
        bump(b.gradient, k * b.columns + column, g * a.at(row, k));
      }
    });
  }

  add(a: Matrix, b: Matrix): Matrix {
    const out = this.#record(a.rows, a.columns, (row, column) => a.at(row, column) + b.at(row, column));
    return this.#onBack(out, (row, column, g) => {
      bump(a.gradient, row * a.columns + column, g);
      bump(b.gradient, row * b.columns + column, g);
    });
  }

  multiply(a: Matrix, b: Matrix): Matrix {
    const out = this.#record(a.rows, a.columns, (row, column) => a.at(row, column) * b.at(row, column));
    return this.#onBack(out, (row, column, g) => {
      bump(a.gradient, row * a.columns + column, g * b.at(row, column));
      bump(b.gradient, row * b.columns + column, g * a.at(row, column));
    });
  }

  /** Each element by `factor(row, column)`, a constant. */
  scale(a: Matrix, factor: (row: number, column: number) => number): Matrix {
    const out = this.#record(a.rows, a.columns, (row, column) => a.at(row, column) * factor(row, column));
    return this.#onBack(out, (row, column, g) => {
      bump(a.gradient, row * a.columns + column, g * factor(row, column));
    });
  }

  /** Each element through `f`; `slope(x, y)` is the derivative. */
  map(a: Matrix, f: (x: number) => number, slope: (x: number, y: number) => number): Matrix {
    const out = this.#record(a.rows, a.columns, (row, column) => f(a.at(row, column)));
    return this.#onBack(out, (row, column, g) => {
      bump(a.gradient, row * a.columns + column, g * slope(a.at(row, column), out.at(row, column)));
    });
  }

  /** Row r, column c of the result is row `rowOf(r)`, column `columnOf(c)` of `a`: gathers, slices, permutations. */
  pick(
    a: Matrix,
    rows: number,
    columns: number,
    rowOf: (r: number) => number,
    columnOf = (c: number) => c,
  ): Matrix {
    const out = this.#record(rows, columns, (row, column) => a.at(rowOf(row), columnOf(column)));
    return this.#onBack(out, (row, column, g) => {
      bump(a.gradient, rowOf(row) * a.columns + columnOf(column), g);
    });
  }

  /** Matrices of equal height side by side. */
  beside(parts: Matrix[]): Matrix {
    const width = parts[0]?.columns ?? 0;
    const part = (column: number): Matrix => parts[Math.floor(column / width)] as Matrix;
    const out = this.#record(parts[0]?.rows ?? 0, width * parts.length, (row, column) =>
      part(column).at(row, column % width),
    );
    return this.#onBack(out, (row, column, g) => {
      bump(part(column).gradient, row * width + (column % width), g);
    });
  }

  /** sum over rows of x^2 / columns, one column. */
  meanSquare(a: Matrix): Matrix {
    const out = this.#record(a.rows, 1, (row) => {
      let sum = 0;
      for (let column = 0; column < a.columns; column += 1) sum += a.at(row, column) ** 2;
      return sum / a.columns;
    });
    return this.#onBack(out, (row, _, g) => {
      for (let column = 0; column < a.columns; column += 1) {
        bump(a.gradient, row * a.columns + column, (2 * g * a.at(row, column)) / a.columns);
      }
    });
  }

  /** Softmax of each row over the columns that `allowed` names; the others are 0. */
  softmax(a: Matrix, allowed: (row: number, column: number) => boolean): Matrix {
    const out = new Matrix(a.rows, a.columns);
    for (let row = 0; row < a.rows; row += 1) {
      const columns = Array.from({ length: a.columns }, (_, c) => c).filter((c) => allowed(row, c));
      const largest = Math.max(...columns.map((c) => a.at(row, c)));
      const sum = columns.reduce((total, c) => total + Math.exp(a.at(row, c) - largest), 0);
      for (const c of columns) out.data[row * a.columns + c] = Math.exp(a.at(row, c) - largest) / sum;
    }
    this.#ways.push(() => {
      for (let row = 0; row < a.rows; row += 1) {
        let inner = 0;
        const start = row * a.columns;
        for (let c = 0; c < a.columns; c += 1) inner += (out.gradient[start + c] ?? NaN) * out.at(row, c);
        for (let c = 0; c < a.columns; c += 1) {
          bump(a.gradient, start + c, out.at(row, c) * ((out.gradient[start + c] ?? NaN) - inner));
        }
      }
    });
    return out;
  }

  /** Sum over rows with label >= 0 of -log softmax(row)[label], 1 x 1. */
  crossEntropy(logits: Matrix, labels: ArrayLike<number>): Matrix {
    const probabilities = this.softmax(logits, () => true);
    const out = new Matrix(1, 1);
    for (let row = 0; row < logits.rows; row += 1) {
      const label = labels[row] ?? -1;
      if (label >= 0) bump(out.data, 0, -Math.log(probabilities.at(row, label)));
    }
    this.#ways.push(() => {
      for (let row = 0; row < logits.rows; row += 1) {
        const label = labels[row] ?? -1;
        if (label < 0) continue;
        bump(
          probabilities.gradient,
          row * logits.columns + label,
          -(out.gradient[0] ?? NaN) / probabilities.at(row, label),
        );
      }
    });
    return out;
  }
}
