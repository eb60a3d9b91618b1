// What a conversation is to be answered by, with what its base is kept in: as the adapter was trained, else as the model
// was used last. Pure.
import type { Conversation } from '../../../protocol/conversations';
import type { AdapterRecord, ModelTarget } from '../../../protocol/models';
import type { TrainingConfig } from '../../../protocol/training';

/** @param conversations newest first. */
export function targetFor(
  modelId: string,
  adapter: Pick<AdapterRecord, 'id' | 'baseStorage'> | null,
  conversations: readonly Pick<Conversation, 'target'>[],
): ModelTarget {
  const last = conversations.find(({ target }) => target.modelId === modelId)?.target.storage;
  const storage = adapter === null ? last : (adapter.baseStorage ?? last);
  return { modelId, adapterId: adapter?.id ?? null, ...(storage === undefined ? {} : { storage }) };
}

/** Without an adapter, and not a run either. */
export function baseOf({ modelId, storage }: ModelTarget): ModelTarget {
  return { modelId, adapterId: null, ...(storage === undefined ? {} : { storage }) };
}

interface LiveRun {
  id: string;
  config: Pick<TrainingConfig, 'modelId' | 'baseStorage'>;
}

/** What a run has learnt so far. */
export function liveTarget({ id, config }: LiveRun): ModelTarget {
  const { modelId, baseStorage: storage } = config;
  return { modelId, adapterId: null, runId: id, ...(storage === undefined ? {} : { storage }) };
}

/**
 * What a chat with a run goes on with once that is over: the newest adapter that it left, the model that it made, else its
 * base.
 * @param adapters newest first. @param tunedModelId what it made; null where it made none.
 */
export function afterRun(
  target: ModelTarget,
  adapters: readonly Pick<AdapterRecord, 'id' | 'runId'>[],
  tunedModelId: string | null,
): ModelTarget {
  const left = adapters.find(({ runId }) => runId !== null && runId === target.runId);
  if (left !== undefined) return { ...baseOf(target), adapterId: left.id };
  return tunedModelId === null ? baseOf(target) : { modelId: tunedModelId, adapterId: null };
}
