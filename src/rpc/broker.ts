// How a tab reaches the workers of another: page -> service worker -> owning page -> worker, one port handed on.
// The service worker may be killed between two messages, so it remembers nothing and asks the browser for the owner.
import type { WorkerKind } from '../protocol/workers';

/** The Web Lock that the owner of the workers holds. */
export const ENGINE_LOCK = 'fragua-engine';

/** Comes with the caller's port, and on its way to the service worker with a port for the reply (true or false). */
export interface BrokerMessage {
  type: 'fragua:connect';
  kind: WorkerKind;
  /** Web Lock that the caller holds as long as it lives. */
  callerLock: string;
}

const KINDS: readonly string[] = ['engine', 'data', 'features'] satisfies WorkerKind[];

export function parseBrokerMessage(data: unknown): BrokerMessage | null {
  if (typeof data !== 'object' || data === null) return null;
  if (!('type' in data) || data.type !== 'fragua:connect') return null;
  if (!('kind' in data) || !KINDS.includes(String(data.kind))) return null;
  if (!('callerLock' in data) || typeof data.callerLock !== 'string') return null;
  return data as BrokerMessage;
}

/** The parts of the service worker's scope that the broker uses. */
export interface BrokerScope {
  queryLocks(): Promise<LockManagerSnapshot>;
  findClient(
    id: string,
  ): Promise<{ postMessage(message: unknown, transfer: Transferable[]): void } | undefined>;
}

/** Hands the caller's port to the tab that holds the lock. @returns false where there is none. */
export async function forwardToOwner(
  scope: BrokerScope,
  message: BrokerMessage,
  port: MessagePort,
): Promise<boolean> {
  const { held = [] } = await scope.queryLocks();
  const owner = held.find((lock) => lock.name === ENGINE_LOCK)?.clientId;
  const client = owner === undefined ? undefined : await scope.findClient(owner);
  client?.postMessage(message, [port]);
  return client !== undefined;
}
