// The run that is being configured. It holds the configuration, the texts that are no numbers yet, and what is wrong.
import { SvelteSet } from 'svelte/reactivity';
import { mixOf, wholeShare, withAlignedMix } from '../../core/config/dataset-mix';
import { validateTrainingConfig } from '../../core/config/training-config';
import type { DatasetRecord } from '../../protocol/datasets';
import type { LoraConfig } from '../../protocol/models';
import type { DatasetShare } from '../../protocol/mix';
import type { TrainingConfig } from '../../protocol/training';

/** Paths of the configuration that hold a number, or a number or nothing. */
export type NumberPath =
  | {
      [Key in keyof TrainingConfig]-?: TrainingConfig[Key] extends number | null | undefined ? Key : never;
    }[keyof TrainingConfig]
  | `lora.${'rank' | 'alpha' | 'dropout'}`;

export interface DraftProblem {
  /** Path in the configuration, such as `lora.rank`. */
  path: string;
  /** What to enter, in English; the form says it in the user's language where it knows the path. */
  remedy: string;
}

export class RunDraft {
  #config: TrainingConfig = $state.raw() as TrainingConfig;
  #contextLength = $state.raw<number | null>(null);
  #schedules = $state.raw<readonly string[] | null>(null);
  /** Fields whose text is no number; the configuration keeps the last number. */
  readonly #unread = new SvelteSet<string>();

  constructor(config: TrainingConfig) {
    this.#config = config;
  }

  get config(): TrainingConfig {
    return this.#config;
  }
  get contextLength(): number | null {
    return this.#contextLength;
  }
  /**
   * What is wrong, in the order of the form; empty where the run can start. Asked anew each time: the draft outlives
   * the screen that made it, and a derived value would stop with that screen.
   */
  get problems(): readonly DraftProblem[] {
    return this.#collect();
  }

  /** A different start: a preset or a copy of a run. What was typed wrong is forgotten. */
  replace(config: TrainingConfig): void {
    this.#unread.clear();
    this.#config = config;
  }

  set(change: Partial<TrainingConfig>): void {
    this.#config = withAlignedMix({ ...this.#config, ...change });
  }

  /** Draws from one more dataset. */
  addShare({ id, training }: Pick<DatasetRecord, 'id' | 'training'>): void {
    const before = this.#config.mix ?? mixOf([this.#config.datasetId]);
    this.set({ mix: { ...before, shares: [...before.shares, training?.share ?? wholeShare(id)] } });
  }

  removeShare(datasetId: string): void {
    const { mix } = this.#config;
    if (mix === undefined) return;
    this.set({ mix: { ...mix, shares: mix.shares.filter((share) => share.datasetId !== datasetId) } });
  }

  setShare(datasetId: string, change: Partial<DatasetShare>): void {
    const { mix } = this.#config;
    if (mix === undefined) return;
    const shares = mix.shares.map((share) =>
      share.datasetId === datasetId ? { ...share, ...change } : share,
    );
    this.set({ mix: { ...mix, shares } });
  }

  setLora(change: Partial<LoraConfig>): void {
    this.set({ lora: { ...this.#config.lora, ...change } });
  }

  numberAt(path: NumberPath): number | null {
    if (path === 'lora.rank') return this.#config.lora.rank;
    if (path === 'lora.alpha') return this.#config.lora.alpha;
    if (path === 'lora.dropout') return this.#config.lora.dropout;
    return this.#config[path] ?? null;
  }

  setNumber(path: NumberPath, value: number | null): void {
    this.#unread.delete(path);
    if (path === 'lora.rank') this.setLora({ rank: value ?? Number.NaN });
    else if (path === 'lora.alpha') this.setLora({ alpha: value ?? Number.NaN });
    else if (path === 'lora.dropout') this.setLora({ dropout: value ?? Number.NaN });
    else this.#config = { ...this.#config, [path]: value };
  }

  setUnread(path: NumberPath): void {
    this.#unread.add(path);
  }

  /** Tokens the base model takes; null is not checked. */
  setContextLength(contextLength: number | null): void {
    this.#contextLength = contextLength;
  }

  /** Names to choose from; null until the engine told them. */
  get schedules(): readonly string[] | null {
    return this.#schedules;
  }

  setSchedules(schedules: readonly string[]): void {
    this.#schedules = schedules;
  }

  #collect(): DraftProblem[] {
    const limits = {
      ...(this.#contextLength === null ? {} : { contextLength: this.#contextLength }),
      ...(this.#schedules === null ? {} : { schedules: this.#schedules }),
    };
    const problems = validateTrainingConfig(this.#config, limits);
    const unread = [...this.#unread].filter((path) => !problems.some((problem) => problem.path === path));
    return [...unread.map((path) => ({ path, remedy: '' })), ...problems];
  }
}
