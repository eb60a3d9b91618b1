// Which variants of the kernels are fast on this device: measured when the user asks for it, kept by adapter, put back at
// the next start.
import type { Database } from '../core/database';
import {
  matMulKey,
  quantisedKey,
  shapeName,
  tune,
  tuneAttention,
  tuneQuantised,
  TuningTable,
  type PlanDevice,
  type TuningRecord,
} from '../engine';
import type { DeviceReport, TuningEvent } from '../protocol/engine';

const documentOf = ({ adapter }: DeviceReport): string =>
  `kernel-tuning ${JSON.stringify([adapter?.vendor, adapter?.architecture, adapter?.description])}`;

export class KernelTuning {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What was measured before; nothing where storage fails. */
  async restore(plans: PlanDevice, report: DeviceReport): Promise<void> {
    const kept = await this.#database.get('documents', documentOf(report)).catch(() => undefined);
    if (kept !== undefined) plans.tuning = TuningTable.fromJSON(kept as TuningRecord);
  }

  /**
   * Measures every product, and attention of every shape, that plans were made of and that has no measurement yet. What is done is kept, also when the
   * reader leaves. @param turn gives the device to one measurement at a time.
   */
  async *run(
    plans: PlanDevice,
    report: DeviceReport,
    turn: <T>(work: () => Promise<T>) => Promise<T>,
  ): AsyncGenerator<TuningEvent> {
    const { tuning } = plans;
    const work = [
      ...plans.askedShapes
        .filter((shape) => tuning.get(matMulKey(shape)) === null)
        .map((shape) => ({ product: matMulKey(shape), measure: () => tune(plans, [shape], tuning) })),
      ...plans.askedQuantised
        .filter((shape) => tuning.getQuantised(quantisedKey(shape)) === null)
        .map((shape) => ({
          product: quantisedKey(shape),
          measure: () => tuneQuantised(plans, [shape], tuning),
        })),
      ...plans.askedAttention
        .filter((shape) => tuning.getAttention(shapeName(shape)) === null)
        .map((shape) => ({
          product: `attention ${shapeName(shape)}`,
          measure: () => tuneAttention(plans, [shape], tuning),
        })),
    ];
    let done = 0;
    for (const { product, measure } of work) {
      await turn(measure);
      await this.#database.put('documents', tuning.toJSON(), documentOf(report));
      done += 1;
      yield { done, total: work.length, product };
    }
  }
}
