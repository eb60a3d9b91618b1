// What a conversation is to be answered by, with what its base is kept in: as the adapter was trained, else as the model
// was used last. Pure.
import type { Conversation } from '../../../protocol/conversations';
import type { AdapterRecord, ModelTarget } from '../../../protocol/models';

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
