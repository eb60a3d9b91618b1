// Joins a bus with one in another realm (worker, tab) over anything that posts messages. Events travel through
// several bridges; an event never goes back where it came from, and the bus drops what reaches it twice.
import type { EventEnvelope } from '../protocol/events';
import type { AnyEnvelope, EventBus } from './event-bus';

/** MessagePort, BroadcastChannel, Worker, DedicatedWorkerGlobalScope. */
export interface BusChannel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  /** Message ports deliver nothing before it. */
  start?(): void;
}

export interface BridgeOptions {
  /** Which events leave through this bridge; all by default. */
  accept?: (envelope: AnyEnvelope) => boolean;
}

const MARK = 'fragua.event';

/** @returns takes the bridge down; the channel stays open, it belongs to the caller. */
export function bridgeBus(bus: EventBus, channel: BusChannel, options: BridgeOptions = {}): () => void {
  let arriving: unknown = null;
  const stop = bus.onAny((envelope) => {
    if (envelope === arriving) return;
    if (options.accept?.(envelope) === false) return;
    channel.postMessage({ mark: MARK, envelope });
  });
  const listen = (event: MessageEvent<unknown>) => {
    if (!isBusMessage(event.data)) return;
    const before = arriving;
    arriving = event.data.envelope;
    try {
      bus.receive(event.data.envelope);
    } finally {
      arriving = before;
    }
  };
  channel.addEventListener('message', listen);
  channel.start?.();
  return () => {
    stop();
    channel.removeEventListener('message', listen);
  };
}

/** Other messages share the channel. Payloads come from our own code of the same build, so they are not parsed. */
function isBusMessage(data: unknown): data is { envelope: EventEnvelope } {
  return typeof data === 'object' && data !== null && 'mark' in data && data.mark === MARK;
}
