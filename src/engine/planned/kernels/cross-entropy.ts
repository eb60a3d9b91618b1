// Output projection and cross-entropy in one, over the rows that have a label, a chunk of rows at a time: all logits never
// exist. The gradient of a chunk follows at once from its logits, so none is computed twice. Sums in nats, not means.
import { linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Tape } from '../tape';
import { checkLearns, inputGradient, weightGradient, weightProduct } from './weight-product';

/** Logits of one chunk, at most. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Above a very large vocabulary a product of fewer rows would be slow, above all with a head in few bits. */
const MIN_CHUNK_ROWS = 64;
const MAX_CHUNK_ROWS = 1024;

/** Rows of a chunk, a power of two. */
export function chunkRows(tokens: number, vocabSize: number): number {
  const fit = Math.max(MIN_CHUNK_ROWS, Math.min(MAX_CHUNK_ROWS, Math.floor(CHUNK_BYTES / (4 * vocabSize))));
  return Math.min(2 ** Math.floor(Math.log2(fit)), 2 ** Math.ceil(Math.log2(tokens)));
}

export interface LabelInputs {
  /** Rows that have a label, in order, then anything; u32 [tokens]. */
  rows: Value;
  /** Their labels; u32 [tokens]. */
  labels: Value;
  /** How many there are; u32 [1]. */
  count: Value;
}

/** `first`, the number of a chunk's first row, is in the constant of that name: chunks share their pipelines. */
interface ChunkShape {
  rows: number;
  width: number;
}

const COUNTS = [reads('count', 'array<u32>'), reads('first', 'array<u32>')];
const PLACES = [reads('rows', 'array<u32>'), ...COUNTS];

function gatherKernel({ rows, width }: ChunkShape): Kernel {
  const grid = linearGrid(rows * width);
  return {
    name: `labelled rows ${rows}x${width}`,
    bindings: [reads('hidden'), ...PLACES, writes('gathered')],
    code: `${grid.signature} { ${grid.index}
  let place = first[0] + index / ${width}u;
  if (place >= count[0]) { gathered[index] = 0.0; return; }
  gathered[index] = hidden[rows[place] * ${width}u + index % ${width}u];
}`,
    workgroups: grid.workgroups,
    flops: rows * width,
  };
}

function scatterKernel({ rows, width }: ChunkShape): Kernel {
  const grid = linearGrid(rows * width);
  return {
    name: `scatter rows ${rows}x${width}`,
    bindings: [reads('gathered'), ...PLACES, writes('hidden')],
    code: `${grid.signature} { ${grid.index}
  let place = first[0] + index / ${width}u;
  if (place >= count[0]) { return; }
  hidden[rows[place] * ${width}u + index % ${width}u] = gathered[index];
}`,
    workgroups: grid.workgroups,
    flops: rows * width,
  };
}

function zeroKernel(size: number): Kernel {
  const grid = linearGrid(size);
  return {
    name: `zero ${size}`,
    bindings: [writes('result')],
    code: `${grid.signature} { ${grid.index} result[index] = 0.0; }`,
    workgroups: grid.workgroups,
    flops: size,
  };
}

/** Losses of a chunk's rows; with `gradient` the logits become d loss / d logits in place. */
function softmaxKernel(rows: number, vocabSize: number, lanes: number, gradient: boolean): Kernel {
  const becomes = each(
    vocabSize,
    lanes,
    `logits[base + column] = exp(logits[base + column] - largest) * inverse - select(0.0, 1.0, column == label);`,
  );
  return rowKernel(
    {
      name: `cross-entropy${gradient ? '' : ' loss'}`,
      rows,
      size: vocabSize,
      bindings: [writes('logits'), reads('labels', 'array<u32>'), ...COUNTS, writes('losses')],
      body: `
  let place = first[0] + row;
  let labelled = place < count[0];
  let label = select(0u, labels[place], labelled);
  var largest = -3.4e38;
  ${each(vocabSize, lanes, 'largest = max(largest, logits[base + column]);')}
  ${reduced('largest', lanes, 'max')}
  var total = 0.0;
  ${each(vocabSize, lanes, 'total += exp(logits[base + column] - largest);')}
  ${reduced('total', lanes)}
  ${once(lanes, 'losses[place] = select(0.0, log(total) + largest - logits[base + label], labelled);')}
  ${
    gradient
      ? `${lanes === 1 ? '' : 'storageBarrier();'}
  let inverse = 1.0 / total;
  if (labelled) { ${becomes} } else { ${each(vocabSize, lanes, 'logits[base + column] = 0.0;')} }`
      : ''
  }`,
      flops: 12 * rows * vocabSize,
    },
    lanes,
  );
}

function sumKernel(tokens: number): Kernel {
  return {
    name: `sum ${tokens}`,
    bindings: [reads('losses'), reads('count', 'array<u32>'), writes('sum')],
    code: `var<workgroup> parts: array<f32, 64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  var part = 0.0;
  for (var i = lane; i < count[0]; i += 64u) { part += losses[i]; }
  parts[lane] = part;
  for (var width = 32u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { parts[lane] += parts[lane + width]; }
  }
  if (lane == 0u) { sum[0] = parts[0]; }
}`,
    workgroups: [1, 1, 1],
    flops: tokens,
  };
}

/**
 * Summed loss of labelled rows. Replays need `run(Math.ceil(count / chunkRows))`.
 * @param hidden [tokens, width]; @param head [vocabulary, width]; @param sum f32 [1], written.
 */
export function crossEntropy(
  tape: Tape,
  hidden: Value,
  head: Parameter,
  { rows: rowList, labels, count }: LabelInputs,
  sum: Value,
  wantsGradients: boolean,
): void {
  const { recorder } = tape;
  const [tokens = 0, width = 0] = hidden.shape;
  const vocabSize = head.value.shape[0] ?? 0;
  checkLearns(head);
  const rows = chunkRows(tokens, vocabSize);
  const losses = recorder.temporary('losses', [Math.ceil(tokens / rows) * rows]);
  const gradient = wantsGradients && hidden.learns ? tape.target(hidden).value : null;
  if (gradient !== null) recorder.dispatch(zeroKernel(tokens * width), [gradient]);
  for (let first = 0; first < tokens; first += rows) {
    const start = recorder.constant(first);
    recorder.chunk(first / rows, () => {
      const gathered = recorder.temporary('labelled', [rows, width]);
      recorder.dispatch(gatherKernel({ rows, width }), [hidden, rowList, count, start, gathered]);
      const logits = recorder.temporary('logits', [rows, vocabSize]);
      weightProduct(recorder, gathered, head, logits);
      const lanes = recorder.traits.rowLanes;
      const kernel = softmaxKernel(rows, vocabSize, lanes, wantsGradients);
      recorder.dispatch(kernel, [logits, labels, count, start, losses]);
      if (!wantsGradients) return;
      weightGradient(recorder, logits, gathered, head);
      if (gradient === null) return;
      const dGathered = recorder.temporary('d labelled', [rows, width]);
      inputGradient(recorder, logits, head, { value: dGathered, adds: false });
      recorder.dispatch(scatterKernel({ rows, width }), [dGathered, rowList, count, start, gradient]);
    });
  }
  recorder.dispatch(sumKernel(tokens), [losses, count, sum]);
}
