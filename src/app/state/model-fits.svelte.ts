// What the installed models would take on this device, asked of the engine once for each, and again when the device is another
// one or the user said how much memory it has. A failure is an answer too.
import type { EngineApi } from '../../protocol/engine';
import type { ModelRecord } from '../../protocol/models';
import type { EstimateAnswer } from './hub-lookup.svelte';
import { plainMap, plainSet } from './plain-collections';

export class ModelFits {
  readonly #engine: Pick<EngineApi, 'estimateModel'>;
  #answers = $state.raw<ReadonlyMap<string, EstimateAnswer>>(plainMap());
  readonly #asked = plainSet<string>();
  /** Counts devices. */
  #device = 0;

  constructor(engine: Pick<EngineApi, 'estimateModel'>) {
    this.#engine = engine;
  }

  /** null until it is known. */
  of(modelId: string): EstimateAnswer {
    return this.#answers.get(modelId) ?? null;
  }

  /** What the device allows, as any of the answers says; null when unknown. */
  get limitBytes(): number | null {
    for (const answer of this.#answers.values()) {
      if (answer !== null && 'estimate' in answer) return answer.estimate.limitBytes;
    }
    return null;
  }

  /** Those that were not asked about. */
  async ask(models: readonly ModelRecord[]): Promise<void> {
    const device = this.#device;
    const wanted = models.filter((model) => !this.#asked.has(model.id));
    for (const { id } of wanted) this.#asked.add(id);
    for (const { id } of wanted) {
      const answer = await this.#engine.estimateModel({ modelId: id }).then(
        (estimate) => ({ estimate }),
        (error: unknown) => ({ error }),
      );
      if (device !== this.#device) return;
      this.#answers = plainMap([...this.#answers, [id, answer] as const]);
    }
  }

  /** All of them: the device is another one. The last answers stay until the new ones are here. */
  askAgain(models: readonly ModelRecord[]): Promise<void> {
    this.#device += 1;
    this.#asked.clear();
    return this.ask(models);
  }
}
