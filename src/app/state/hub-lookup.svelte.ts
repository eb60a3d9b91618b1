// A repository on the hub that the user asked about, and what each of its choices would take on this device: known before a byte
// of weights is fetched. It starts no download.
import { hasCode } from '../../lib/errors';
import type { EngineApi, ModelEstimate } from '../../protocol/engine';
import type { HubApi, HubChoice, HubDownloadRequest, HubRepository } from '../../protocol/hub';
import { plainMap } from './plain-collections';

/** null while it is being found out. */
export type EstimateAnswer = { estimate: ModelEstimate } | { error: unknown } | null;

export interface LookedUp {
  /** As it was written. */
  address: string;
  repository: HubRepository;
}

export class HubLookup {
  readonly #hub: Pick<HubApi, 'inspectRepository' | 'readModelConfig'>;
  readonly #engine: Pick<EngineApi, 'estimateModel'>;
  readonly #token: () => Promise<string | null>;
  #found = $state.raw<LookedUp | null>(null);
  #error = $state.raw<unknown>(null);
  #asking = $state(false);
  #estimates = $state.raw<ReadonlyMap<string, EstimateAnswer>>(plainMap());
  #asked = 0;

  constructor(
    hub: Pick<HubApi, 'inspectRepository' | 'readModelConfig'>,
    engine: Pick<EngineApi, 'estimateModel'>,
    token: () => Promise<string | null>,
  ) {
    this.#hub = hub;
    this.#engine = engine;
    this.#token = token;
  }

  get found(): LookedUp | null {
    return this.#found;
  }

  /** Why the last question failed; null when it did not. */
  get error(): unknown {
    return this.#error;
  }

  get asking(): boolean {
    return this.#asking;
  }

  estimateOf(choice: HubChoice): EstimateAnswer {
    return this.#estimates.get(choice.format) ?? null;
  }

  /** Never throws: `error` tells. A later question wins over an earlier one. */
  async ask(address: string): Promise<void> {
    this.#asked += 1;
    const own = this.#asked;
    this.#asking = true;
    this.#error = null;
    this.#found = null;
    this.#estimates = plainMap();
    try {
      const repository = await this.#hub.inspectRepository(address, await this.#token());
      if (own !== this.#asked) return;
      this.#found = { address, repository };
      this.#asking = false;
      await this.#estimate(repository, own);
    } catch (error) {
      if (own === this.#asked) this.#error = error;
    } finally {
      if (own === this.#asked) this.#asking = false;
    }
  }

  clear(): void {
    this.#asked += 1;
    this.#found = null;
    this.#error = null;
    this.#asking = false;
  }

  /** Quantisations of one model have one configuration: the smallest file of each format tells it. */
  async #estimate(repository: HubRepository, own: number): Promise<void> {
    for (const format of ['safetensors', 'gguf'] as const) {
      const choice = repository.choices.find((candidate) => candidate.format === format);
      if (choice === undefined) continue;
      const answer = await this.#estimateChoice(requestOf(repository, choice));
      if (own !== this.#asked) return;
      this.#estimates = plainMap([...this.#estimates, [format, answer] as const]);
    }
  }

  async #estimateChoice(request: HubDownloadRequest): Promise<EstimateAnswer> {
    try {
      const configJson = await this.#hub.readModelConfig(request, await this.#token());
      return { estimate: await this.#engine.estimateModel({ configJson }) };
    } catch (error) {
      return { error };
    }
  }
}

export function requestOf({ id, commit, license }: HubRepository, choice: HubChoice): HubDownloadRequest {
  return { repositoryId: id, commit, license, choice };
}

/** A model that this build cannot run is not worth its bytes; one that could not be judged may be. */
export function isRefused(answer: EstimateAnswer): boolean {
  return answer !== null && 'error' in answer && hasCode(answer.error, 'model.unsupported');
}
