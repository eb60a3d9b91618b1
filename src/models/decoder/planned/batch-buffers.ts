// The arrays of a batch on the GPU, for one shape: written before each replay of the plans that read them.
import {
  aligned,
  externalValue,
  type BufferRange,
  type PlanDevice,
  type Value,
} from '../../../engine/planned';
import type { TokenBatch } from '../../../protocol/batches';
import type { BatchInputs, BatchShape } from './record-decoder';

/** What stands in the arrays, in the order they lie in the buffer. */
interface BatchData {
  ids: Int32Array;
  sortedIds: Uint32Array;
  order: Uint32Array;
  positions: Int32Array;
  sortedPositions: Uint32Array;
  positionOrder: Uint32Array;
  segments: Int32Array;
  rows: Uint32Array;
  labels: Uint32Array;
  count: Uint32Array;
  seed: Uint32Array;
}

type ArrayName = keyof BatchData;

const NAMES: readonly ArrayName[] = [
  'ids',
  'sortedIds',
  'order',
  'positions',
  'sortedPositions',
  'positionOrder',
  'segments',
  'rows',
  'labels',
  'count',
  'seed',
];

function labelled({ labels }: TokenBatch): Pick<BatchData, 'rows' | 'labels' | 'count'> {
  const rows = new Uint32Array(labels.length);
  const kept = new Uint32Array(labels.length);
  let count = 0;
  labels.forEach((label, row) => {
    if (label < 0) return;
    rows[count] = row;
    kept[count] = label;
    count += 1;
  });
  return { rows, labels: kept, count: Uint32Array.of(count) };
}

/** Ascending, and where each of them stood. */
function sorted(numbers: Int32Array): { values: Uint32Array; order: Uint32Array } {
  const order = Uint32Array.from(numbers.keys()).sort(
    (a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b,
  );
  return { values: order.map((place) => numbers[place] ?? 0), order };
}

function batchData(batch: TokenBatch, seed: number): BatchData {
  const { tokens, positions, segments } = batch;
  const [byId, byPosition] = [sorted(tokens), sorted(positions)];
  return {
    ids: tokens,
    sortedIds: byId.values,
    order: byId.order,
    positions,
    sortedPositions: byPosition.values,
    positionOrder: byPosition.order,
    segments,
    ...labelled(batch),
    seed: Uint32Array.of(seed >>> 0),
  };
}

export class BatchBuffers {
  readonly inputs: BatchInputs;
  /** u32 [1], decides the dropout masks. */
  readonly seed: Value;
  readonly #owner: PlanDevice;
  readonly #buffer: GPUBuffer;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;
  readonly #values: Readonly<Record<ArrayName, Value>>;

  private constructor(
    owner: PlanDevice,
    buffer: GPUBuffer,
    values: Readonly<Record<ArrayName, Value>>,
    ranges: ReadonlyMap<Value, BufferRange>,
  ) {
    this.#owner = owner;
    this.#buffer = buffer;
    this.#values = values;
    this.#ranges = ranges;
    this.inputs = batchInputs(values);
    this.seed = values.seed;
  }

  static async allocate(owner: PlanDevice, { rows, length }: BatchShape): Promise<BatchBuffers> {
    const values = batchValues(rows * length);
    const bytes = NAMES.reduce((sum, name) => sum + aligned(values[name].bytes), 0);
    const buffer = await owner.memory.allocate(bytes, 'a batch');
    const ranges = new Map<Value, BufferRange>();
    let offset = 0;
    for (const name of NAMES) {
      const value = values[name];
      ranges.set(value, { buffer, offset, bytes: value.bytes });
      offset += aligned(value.bytes);
    }
    return new BatchBuffers(owner, buffer, values, ranges);
  }

  /** null for values of others. */
  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  write(batch: TokenBatch, seed: number): void {
    const data = batchData(batch, seed);
    for (const name of NAMES) {
      this.#owner.memory.write(this.#ranges.get(this.#values[name]) as BufferRange, data[name]);
    }
  }

  dispose(): void {
    this.#owner.memory.free(this.#buffer);
  }
}

/** The arrays alone, for a recording that is only measured. */
export function batchValues(tokens: number): Record<ArrayName, Value> {
  const value = (name: ArrayName): Value =>
    externalValue(name, [name === 'count' || name === 'seed' ? 1 : tokens]);
  return {
    ids: value('ids'),
    sortedIds: value('sortedIds'),
    order: value('order'),
    positions: value('positions'),
    sortedPositions: value('sortedPositions'),
    positionOrder: value('positionOrder'),
    segments: value('segments'),
    rows: value('rows'),
    labels: value('labels'),
    count: value('count'),
    seed: value('seed'),
  };
}

/** The arrays as a recording reads them. */
export function batchInputs({ rows, labels, count, ...values }: Record<ArrayName, Value>): BatchInputs {
  const { ids, sortedIds, order, segments } = values;
  const positions = {
    ids: values.positions,
    sortedIds: values.sortedPositions,
    order: values.positionOrder,
  };
  return { ids, sortedIds, order, positions, segments, labels: { rows, labels, count } };
}
