// The few messages on a worker's own channel; everything else goes over ports. Parsed, because anything may post.

/** Page to worker. */
export type HostMessage =
  /** First message. `callPort` carries calls, `busPort` events. */
  | { type: 'fragua:init'; heartbeatMs: number; callPort: MessagePort; busPort: MessagePort }
  /** One more caller: another tab. It holds the Web Lock `callerLock` as long as it lives. */
  | { type: 'fragua:caller'; port: MessagePort; callerLock: string }
  /** The other worker's end of the batch channel; a later one replaces it. */
  | { type: 'fragua:peer'; port: MessagePort }
  /** Dispose and close. */
  | { type: 'fragua:stop' };

/** Worker to page. */
export type WorkerMessage =
  | { type: 'fragua:beat'; activity: string }
  /** The engine wants batches and has no data worker to ask. */
  | { type: 'fragua:need-peer' };

const HOST_TYPES: readonly string[] = ['fragua:init', 'fragua:caller', 'fragua:peer', 'fragua:stop'];
const WORKER_TYPES: readonly string[] = ['fragua:beat', 'fragua:need-peer'];

export function parseHostMessage(data: unknown): HostMessage | null {
  return hasType(data, HOST_TYPES) ? (data as HostMessage) : null;
}

export function parseWorkerMessage(data: unknown): WorkerMessage | null {
  return hasType(data, WORKER_TYPES) ? (data as WorkerMessage) : null;
}

function hasType(data: unknown, types: readonly string[]): boolean {
  return typeof data === 'object' && data !== null && 'type' in data && types.includes(String(data.type));
}
