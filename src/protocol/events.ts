// The twelve events (payloads are structured-cloneable) and the envelope they travel in.
import type { AdapterRecord, ModelRecord, StorageError, WeightStorage } from './models';
import type { CheckpointRecord, EvaluationResult, RunRecord, StepMetrics } from './training';

// A type, not an interface: the bus asks for an index signature.
export type EventMap = {
  'training.started': { run: RunRecord; resumed: boolean };
  'training.step': StepMetrics;
  'training.epoch': { runId: string; epoch: number };
  /** Also sent when a run is paused, stopped or fails: `run.status` tells. */
  'training.finished': { run: RunRecord };
  'evaluation.started': { runId: string; step: number };
  'evaluation.finished': EvaluationResult;
  'checkpoint.saved': { checkpoint: CheckpointRecord };
  'checkpoint.loaded': { checkpoint: CheckpointRecord };
  /** `error` is null where weights are kept as they are, `note` where the model runs where it runs best. */
  'model.loaded': {
    model: ModelRecord;
    milliseconds: number;
    storage: WeightStorage;
    error: StorageError | null;
    note: string | null;
  };
  /** A model or an adapter was stored. */
  'model.saved': { model: ModelRecord | null; adapter: AdapterRecord | null };
  'error.occurred': { code: string; message: string; remedy: string | null; context: string };
  'metric.logged': { name: string; value: number; labels: Record<string, string> };
};

export type EventType = keyof EventMap;

export interface EventEnvelope<Type extends EventType = EventType> {
  type: Type;
  data: EventMap[Type];
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** Name of the service that emitted it. */
  source: string;
  /** Realm that emitted it, and its count there: what stops echoes between bridged buses. */
  realm: string;
  sequence: number;
}
