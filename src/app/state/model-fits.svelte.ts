// What the installed models would take on this device, asked of the engine once for each. A failure is an answer too.
import type { EngineApi } from '../../protocol/engine';
import type { ModelRecord } from '../../protocol/models';
import type { EstimateAnswer } from './hub-lookup.svelte';
import { plainMap, plainSet } from './plain-collections';

export class ModelFits {
  readonly #engine: Pick<EngineApi, 'estimateModel'>;
  #answers = $state.raw<ReadonlyMap<string, EstimateAnswer>>(plainMap());
  readonly #asked = plainSet<string>();

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

  async ask(models: readonly ModelRecord[]): Promise<void> {
    for (const { id } of models.filter((model) => !this.#asked.has(model.id))) {
      this.#asked.add(id);
      const answer = await this.#engine.estimateModel({ modelId: id }).then(
        (estimate) => ({ estimate }),
        (error: unknown) => ({ error }),
      );
      this.#answers = plainMap([...this.#answers, [id, answer] as const]);
    }
  }
}
