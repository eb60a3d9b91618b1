// The typed event bus of one realm. Handlers run synchronously, specific ones before any-handlers; one that throws
// never stops the others. It knows nothing of ports: bus-bridge.ts joins two buses.
import { messageOf } from '../lib/errors';
import type { EventEnvelope, EventMap, EventType } from '../protocol/events';

/** One envelope, as a union over the types, so that `switch (envelope.type)` narrows `data`. */
export type AnyEnvelope = { [Type in EventType]: EventEnvelope<Type> }[EventType];
export type EventHandler<Type extends EventType> = (
  data: EventMap[Type],
  envelope: EventEnvelope<Type>,
) => void;
export type AnyEventHandler = (envelope: AnyEnvelope) => void;

export interface EventBusOptions {
  /** Identity of this realm among bridged ones. */
  realm?: string;
  now?: () => number;
  /** Where a handler's error goes besides `error.occurred`. */
  log?: (message: string, error: unknown) => void;
}

type Handlers = { [Type in EventType]?: Set<EventHandler<Type>> };

/** Sequence numbers of one foreign realm that were delivered; routes of different length may reorder them. */
const WINDOW = 1024;
interface Seen {
  highest: number;
  recent: Set<number>;
}

export class EventBus {
  readonly realm: string;
  readonly #now: () => number;
  readonly #log: (message: string, error: unknown) => void;
  #handlers: Handlers = {};
  readonly #anyHandlers = new Set<AnyEventHandler>();
  readonly #seen = new Map<string, Seen>();
  #sequence = 0;
  #reporting = false;

  constructor(options: EventBusOptions = {}) {
    this.realm = options.realm ?? crypto.randomUUID();
    this.#now = options.now ?? Date.now;
    this.#log = options.log ?? ((message, error) => console.error(message, error));
  }

  /** @returns unsubscribes. */
  on<Type extends EventType>(type: Type, handler: EventHandler<Type>): () => void {
    this.#handlersOf(type).add(handler);
    return () => this.off(type, handler);
  }

  /** @returns unsubscribes before it ran. */
  once<Type extends EventType>(type: Type, handler: EventHandler<Type>): () => void {
    const unsubscribe = this.on(type, (data, envelope) => {
      unsubscribe();
      handler(data, envelope);
    });
    return unsubscribe;
  }

  /** Without a handler, all of that type leave. */
  off<Type extends EventType>(type: Type, handler?: EventHandler<Type>): void {
    if (handler === undefined) this.#handlersOf(type).clear();
    else this.#handlersOf(type).delete(handler);
  }

  /** Hears every type, after the specific handlers. @returns unsubscribes. */
  onAny(handler: AnyEventHandler): () => void {
    this.#anyHandlers.add(handler);
    return () => {
      this.#anyHandlers.delete(handler);
    };
  }

  removeAll(): void {
    this.#handlers = {};
    this.#anyHandlers.clear();
  }

  /** @param source name of the service that speaks. */
  emit<Type extends EventType>(type: Type, data: EventMap[Type], source: string): void {
    this.#sequence += 1;
    this.#deliver({
      type,
      data,
      source,
      timestamp: this.#now(),
      realm: this.realm,
      sequence: this.#sequence,
    });
  }

  /**
   * Delivers an envelope from another realm once, whichever ways it came.
   * @returns false where it was this realm's own, or delivered before.
   */
  receive(envelope: EventEnvelope): boolean {
    if (envelope.realm === this.realm || this.#wasSeen(envelope)) return false;
    this.#deliver(envelope);
    return true;
  }

  #handlersOf<Type extends EventType>(type: Type): Set<EventHandler<Type>> {
    const existing: Handlers[Type] = this.#handlers[type];
    if (existing !== undefined) return existing;
    const fresh = new Set<EventHandler<Type>>();
    Object.assign(this.#handlers, { [type]: fresh });
    return fresh;
  }

  #deliver<Type extends EventType>(envelope: EventEnvelope<Type>): void {
    // Copies: a handler may subscribe or leave while we are at it.
    for (const handler of [...this.#handlersOf(envelope.type)]) {
      this.#guard(envelope.type, () => handler(envelope.data, envelope));
    }
    for (const handler of [...this.#anyHandlers]) {
      // Type and data belong together by construction; the union cannot express it for an open `Type`.
      this.#guard(envelope.type, () => handler(envelope as AnyEnvelope));
    }
  }

  #guard(type: EventType, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log(`A handler of ${type} failed.`, error);
      this.#report(type, error);
    }
  }

  /** While an error is being reported, further failures are only logged: a broken reporter must not loop. */
  #report(type: EventType, error: unknown): void {
    if (this.#reporting) return;
    this.#reporting = true;
    try {
      const data = {
        code: 'internal',
        message: messageOf(error),
        remedy: null,
        context: `handler of ${type}`,
      };
      this.emit('error.occurred', data, 'event-bus');
    } finally {
      this.#reporting = false;
    }
  }

  #wasSeen({ realm, sequence }: EventEnvelope): boolean {
    const seen = this.#seen.get(realm) ?? { highest: 0, recent: new Set<number>() };
    this.#seen.set(realm, seen);
    if (sequence <= seen.highest - WINDOW || seen.recent.has(sequence)) return true;
    seen.recent.add(sequence);
    seen.highest = Math.max(seen.highest, sequence);
    // A Set keeps the order of insertion: the first is the oldest.
    for (const oldest of seen.recent) {
      if (seen.recent.size <= WINDOW) break;
      seen.recent.delete(oldest);
    }
    return false;
  }
}
