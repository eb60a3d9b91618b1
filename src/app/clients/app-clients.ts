// What the page knows of its workers. Types only; create-clients.ts makes it.
import type { EventBus } from '../../core/event-bus';
import type { Observable } from '../../orchestrator/observable';
import type { DataWorkerApi, DataWorkerStreams } from '../../protocol/data';
import type { EngineApi, EngineStreams } from '../../protocol/engine';
import type { FeaturesApi, FeaturesStreams } from '../../protocol/features';
import type { WorkerInfo } from '../../protocol/workers';
import type { StreamsClient } from '../../rpc/connect';

/**
 * `owner`: this tab runs the workers. `guest`: another tab runs them and this one reaches them.
 * `waiting`: another tab runs them and there is no way to it (no service worker yet, or it is closing).
 */
export type Ownership = 'owner' | 'guest' | 'waiting';

/**
 * Calls start their worker at the first use, survive its restarts, and reject with AppError only. Streaming calls take
 * an AbortSignal after their arguments; breaking the loop cancels too.
 */
export interface AppClients {
  readonly engine: EngineApi & StreamsClient<EngineStreams>;
  readonly data: DataWorkerApi & StreamsClient<DataWorkerStreams>;
  readonly features: FeaturesApi & StreamsClient<FeaturesStreams>;
  readonly bus: EventBus;
  /** Empty in a guest: the owner supervises. */
  readonly workers: Observable<readonly WorkerInfo[]>;
  readonly ownership: Observable<Ownership>;
  /** Resolves once `ownership` was found out; before, it says `waiting`. */
  readonly decided: Promise<void>;
  /** Stops the workers and gives the ownership away. */
  dispose(): Promise<void>;
}
