// The runs on the device as something to chat with: their weights as they stand, without export or reload. It owns the
// sequences that are being written with them, not the weights: whoever offers a run withdraws it before these go.
import type { GenerationTarget } from '../inference/text-generator';
import { LiveSession } from '../inference/live-session';
import { AppError } from '../lib/errors';
import type { LoadedModel } from '../models/loaded-model';
import type { TrainableModel } from '../models/trainable-model';

interface LiveRun {
  model: LoadedModel;
  training: TrainableModel;
  sessions: Set<LiveSession>;
}

export class LiveRuns {
  readonly #exclusive: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #runs = new Map<string, LiveRun>();

  /** @param exclusive runs work while nobody else uses the device. */
  constructor(exclusive: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#exclusive = exclusive;
  }

  offer(runId: string, model: LoadedModel, training: TrainableModel): void {
    this.#runs.set(runId, { model, training, sessions: new Set() });
  }

  /**
   * Decodes with what the run has learnt so far. Its steps go on between the tokens.
   * @throws AppError `run.unknown` for a run that is not on the device, `adapter.base-mismatch` for one of another model.
   */
  find(runId: string, modelId: string): GenerationTarget {
    const run = this.#runs.get(runId);
    if (run === undefined) throw notLive(runId);
    const { record } = run.model;
    if (record.id !== modelId) {
      throw new AppError(
        'adapter.base-mismatch',
        `The run trains ${record.name}, not the model "${modelId}".`,
        {
          details: { runId, modelId, baseModelId: record.id },
          remedy: 'Choose the model that the run trains.',
        },
      );
    }
    return { model: run.model, adapter: null, openSession: () => this.#open(runId, run) };
  }

  /** Resolves when nothing uses its weights any more; answers in progress end with `run.unknown`. */
  async withdraw(runId: string): Promise<void> {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    this.#runs.delete(runId);
    const end = (): Promise<void> => {
      for (const session of [...run.sessions]) session.end(notLive(runId));
      return Promise.resolve();
    };
    // A token may be on its way. A lost device gives no turns, and computes nothing either.
    if (run.sessions.size > 0) await this.#exclusive(end).catch(end);
  }

  #open(runId: string, run: LiveRun): LiveSession {
    if (this.#runs.get(runId) !== run) throw notLive(runId);
    const inner = run.model.createTrainingSession(run.training);
    const session = new LiveSession(inner, run.training, (closed) => run.sessions.delete(closed));
    run.sessions.add(session);
    return session;
  }
}

function notLive(runId: string): AppError<'run.unknown'> {
  return new AppError('run.unknown', 'The run is not in training: it is over, or it was paused.', {
    details: { runId },
    remedy: 'Choose the adapter that it left, make one of its newest checkpoint, or resume the run.',
  });
}
