// How a tab reaches the workers of another: page -> service worker -> owning page -> worker, one port handed on.
// The service worker may be killed between two messages, so it remembers nothing and asks the tabs who owns them.
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

/** Asked of a tab, with a port for the answer: true where it owns the workers. */
export const OWNER_QUESTION = 'fragua:owner?';
const ANSWER_MS = 1_000;

/** A tab, as the service worker sees it. */
export interface TabClient {
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** Hands the caller's port to the tab that says it is the owner. @returns false where none does. */
export async function forwardToOwner(
  tabs: readonly TabClient[],
  message: BrokerMessage,
  port: MessagePort,
): Promise<boolean> {
  const answers = await Promise.all(tabs.map(isOwner));
  const owner = tabs[answers.indexOf(true)];
  owner?.postMessage(message, [port]);
  return owner !== undefined;
}

function isOwner(tab: TabClient): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS);
    port1.onmessage = (event: MessageEvent<unknown>) => {
      clearTimeout(timer);
      resolve(event.data === true);
    };
    tab.postMessage(OWNER_QUESTION, [port2]);
  }).finally(() => port1.close());
}
