// Products with a frozen matrix W [out, in] that is kept in few bits, read from the same words both ways: forward
// y = x W^T, and back dx = dy W. Variants compute the same numbers in other ways.
import type { QuantisedForm } from '../parameter';
import type { Recorder, Value } from '../recorder';
import { matMul } from './mat-mul';
import { MAX_VECTOR_ROWS, type MatrixPart } from './mat-mul-shape';
import { quantisedVariant } from './quantised-default';
import { expandKernel } from './quantised-expand';
import {
  quantisedConstants,
  quantisedName,
  quantisedVariantName,
  type QuantisedShape,
  type QuantisedVariant,
} from './quantised-shape';
import { quantisedTileKernel } from './quantised-tile';
import { quantisedVectorKernel } from './quantised-vector';

export type { QuantisedShape, QuantisedVariant } from './quantised-shape';

export interface QuantisedOperands {
  /** [rows, in] forward, [rows, out] back. */
  x: Value;
  /** Words of W; its shape is [out, in]. */
  words: Value;
  form: QuantisedForm;
  result: Value;
  /** Only where `plus` is `residual`; laid out like the result. */
  residual?: Value;
}

/** What of a product its operands do not tell; `x` and `y` are whole arrays where not given. */
export type QuantisedProduct = Pick<QuantisedShape, 'rows' | 'direction' | 'plus'> & {
  x?: MatrixPart;
  y?: MatrixPart;
};

function shapeOf({ words, form }: QuantisedOperands, product: QuantisedProduct): QuantisedShape {
  const [out = 0, input = 0] = words.shape;
  const { rows, direction, plus } = product;
  const [width, inner] = direction === 'forward' ? [out, input] : [input, out];
  const { x = { start: 0, stride: inner }, y = { start: 0, stride: width } } = product;
  return { rows, out, in: input, bits: form.bits, direction, plus, x, y };
}

/** Words with what they are multiplied by, where there is something. */
const stored = ({ words, form }: Pick<QuantisedOperands, 'words' | 'form'>): Value[] =>
  form.scales === null ? [words] : [words, form.scales];

/** `count` rows of W from `row` on in f32, in an array of the plan; all of them where not given. */
export function expand(
  recorder: Recorder,
  weight: Pick<QuantisedOperands, 'words' | 'form'>,
  row = 0,
  count = weight.words.shape[0] ?? 0,
): Value {
  const { words, form } = weight;
  const width = words.shape[1] ?? 0;
  const w = recorder.temporary(`${words.name} in f32`, [count, width]);
  const numbers = recorder.constant((count * width) / 4, (row * width) / 4);
  const variant = `expand ${form.bits} bits`;
  const kernel = { ...expandKernel(form.bits, count * width), variant };
  recorder.dispatch(kernel, [...stored(weight), numbers, w]);
  return w;
}

/** A range of W's rows after the other: each gives some columns of y, or its share of all of dx. */
function expanded(
  recorder: Recorder,
  operands: QuantisedOperands,
  shape: QuantisedShape,
  bytes: number,
): void {
  const { x, result: c, residual } = operands;
  const { rows: m, out, in: input, plus } = shape;
  const extra = plus === 'residual' && residual !== undefined ? { residual } : {};
  const most = Math.max(4, Math.floor(bytes / (16 * input)) * 4);
  for (let row = 0; row < out; row += most) {
    const count = Math.min(most, out - row);
    const b = expand(recorder, operands, row, count);
    const place = ({ start, stride }: MatrixPart): MatrixPart => ({ start: start + row, stride });
    if (shape.direction === 'forward') {
      const options = { transposeB: true, plus, a: shape.x, c: place(shape.y) };
      matMul(recorder, { a: x, b, c, ...extra }, { m, n: count, k: input }, options);
      continue;
    }
    const options = { plus: row === 0 ? plus : 'result', a: place(shape.x), c: shape.y } as const;
    const added = row === 0 ? extra : {};
    matMul(recorder, { a: x, b, c, ...added }, { m, n: input, k: count }, options);
  }
}

/** Records a product. @param variant null takes the recorder's choice. @throws RangeError for a variant that cannot do it. */
export function matMulQuantised(
  recorder: Recorder,
  operands: QuantisedOperands,
  product: QuantisedProduct,
  variant: QuantisedVariant | null = null,
): void {
  const { x, residual, result } = operands;
  const shape = shapeOf(operands, product);
  const chosen =
    variant ??
    recorder.quantisedVariantOf?.(shape) ??
    quantisedVariant(shape, recorder.traits.rowLanes === 1);
  if (chosen.kind === 'expanded') {
    expanded(recorder, operands, shape, chosen.bytes);
    return;
  }
  if (chosen.kind === 'vector' && (shape.rows > MAX_VECTOR_ROWS || shape.direction === 'back')) {
    throw new RangeError(
      `${quantisedName(shape)}: vectors are for at most ${MAX_VECTOR_ROWS} rows, forward.`,
    );
  }
  const kernel =
    chosen.kind === 'direct' ? quantisedTileKernel(shape, chosen) : quantisedVectorKernel(shape, chosen);
  const columns = chosen.kind === 'direct' ? chosen.columns : 4;
  const numbers = recorder.constant(...quantisedConstants(shape, columns));
  const extra = shape.plus === 'residual' && residual !== undefined ? [residual] : [];
  const named = { ...kernel, variant: quantisedVariantName(shape, chosen) };
  recorder.dispatch(named, [x, ...stored(operands), numbers, ...extra, result]);
}
