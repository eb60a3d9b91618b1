// A repository on the hub that the user asked about, and what each of its choices would take on this device: known before a byte
// of weights is fetched. It starts no download.
import { AppError, hasCode } from '../../lib/errors';
import type { DescribedModel, EngineApi, ModelEstimate } from '../../protocol/engine';
import type { HubApi, HubChoice, HubDownloadRequest, HubRepository } from '../../protocol/hub';
import { isOfStorage, modelsOf, precisionIn } from './hub-models';
import { plainMap } from './plain-collections';

/** null while it is being found out. */
export type EstimateAnswer = { estimate: ModelEstimate } | { error: unknown } | null;

export interface LookedUp {
  /** As it was written. */
  address: string;
  repository: HubRepository;
}

/** Choices that one configuration is of. */
interface JudgedModel {
  described: Exclude<DescribedModel, { modelId: string }>;
  choiceIds: readonly string[];
}

export class HubLookup {
  readonly #hub: Pick<HubApi, 'inspectRepository' | 'readModelConfig'>;
  readonly #engine: Pick<EngineApi, 'estimateModel'>;
  readonly #token: () => Promise<string | null>;
  #found = $state.raw<LookedUp | null>(null);
  #error = $state.raw<unknown>(null);
  #asking = $state(false);
  /** By the choice's id. */
  #estimates = $state.raw<ReadonlyMap<string, EstimateAnswer>>(plainMap());
  #models: readonly JudgedModel[] = [];
  /** Counts questions, and devices that they were answered for. */
  #asked = 0;
  #device = 0;

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

  estimateOf({ id }: HubChoice): EstimateAnswer {
    return this.#estimates.get(id) ?? null;
  }

  /** As its file's name has it, or its configuration; null where neither tells. Known no sooner than the estimate. */
  precisionOf({ id, quantisation }: HubChoice): string | null {
    if (quantisation !== null) return quantisation;
    const model = this.#models.find(({ choiceIds }) => choiceIds.includes(id));
    return this.#estimates.has(id) && model !== undefined ? precisionIn(model.described.configJson) : null;
  }

  /** Never throws: `error` tells. A later question wins over an earlier one. */
  async ask(address: string): Promise<void> {
    this.clear();
    const own = this.#asked;
    this.#asking = true;
    try {
      const repository = await this.#hub.inspectRepository(address, await this.#token());
      if (own !== this.#asked) return;
      this.#found = { address, repository };
      this.#asking = false;
      for (const choices of modelsOf(repository.choices)) await this.#judge(repository, choices, own);
    } catch (error) {
      if (own === this.#asked) this.#error = error;
    } finally {
      if (own === this.#asked) this.#asking = false;
    }
  }

  /** What is known of the repository stays; the device is asked again. The last answers stay until then. */
  async askDevice(): Promise<void> {
    this.#device += 1;
    const [own, device] = [this.#asked, this.#device];
    for (const { described, choiceIds } of this.#models) {
      const answer = await this.#estimate(described);
      if (own !== this.#asked || device !== this.#device) return;
      this.#answer(choiceIds, answer);
    }
  }

  clear(): void {
    this.#asked += 1;
    this.#found = null;
    this.#error = null;
    this.#asking = false;
    this.#estimates = plainMap();
    this.#models = [];
  }

  /** The smallest file that can be read tells the configuration of all that are the same model. */
  async #judge(repository: HubRepository, choices: readonly HubChoice[], own: number): Promise<void> {
    let left = choices.filter(({ unreadable }) => unreadable !== true);
    for (const choice of choices) {
      if (choice.unreadable === true) this.#answer([choice.id], { error: unreadableError(choice) });
    }
    for (const choice of left) {
      const known = await this.#configOf(requestOf(repository, choice));
      if (own !== this.#asked) return;
      if ('configJson' in known) return this.#judgeAll(known.configJson, left, own);
      const rest = left.filter(({ id }) => id !== choice.id);
      const onlyThis = isOfStorage(known.error) && rest.length > 0;
      this.#answer(onlyThis ? [choice.id] : left.map(({ id }) => id), known);
      if (!onlyThis) return;
      left = rest;
    }
  }

  async #judgeAll(configJson: string, choices: readonly HubChoice[], own: number): Promise<void> {
    // Each ONNX file is a model by itself: its size tells what it takes.
    const [graph] = choices.filter(({ format }) => format === 'onnx');
    const described = graph === undefined ? { configJson } : { configJson, graphBytes: graph.sizeBytes };
    const model = { described, choiceIds: choices.map(({ id }) => id) };
    let device = -1;
    // The device may be another one by the time that the answer is here.
    while (device !== this.#device) {
      device = this.#device;
      const answer = await this.#estimate(described);
      if (own !== this.#asked) return;
      this.#answer(model.choiceIds, answer);
    }
    this.#models = [...this.#models, model];
  }

  async #configOf(request: HubDownloadRequest): Promise<{ configJson: string } | { error: unknown }> {
    try {
      return { configJson: await this.#hub.readModelConfig(request, await this.#token()) };
    } catch (error) {
      return { error };
    }
  }

  async #estimate(described: JudgedModel['described']): Promise<EstimateAnswer> {
    try {
      return { estimate: await this.#engine.estimateModel(described) };
    } catch (error) {
      return { error };
    }
  }

  #answer(choiceIds: readonly string[], answer: EstimateAnswer): void {
    this.#estimates = plainMap([...this.#estimates, ...choiceIds.map((id) => [id, answer] as const)]);
  }
}

function unreadableError({ quantisation, format }: HubChoice): AppError {
  return new AppError('model.unsupported', `Files in ${quantisation ?? format} cannot be read here.`, {
    details: { tensor: null, type: quantisation },
    remedy: 'Choose one in Q4_K_M, Q5_K_M, Q6_K, Q8_0, F16 or BF16.',
  });
}

export function requestOf({ id, commit, license }: HubRepository, choice: HubChoice): HubDownloadRequest {
  return { repositoryId: id, commit, license, choice };
}

/** A model that this build cannot run is not worth its bytes; one that could not be judged may be. */
export function isRefused(answer: EstimateAnswer): boolean {
  return answer !== null && 'error' in answer && hasCode(answer.error, 'model.unsupported');
}
