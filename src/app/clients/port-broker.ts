// The way from one tab's page to the workers of another: a port is handed through the service worker, the only one that
// can post to any tab. It keeps no list: it asks the tabs who owns the workers. The seam lets tests do without it.
import { OWNER_QUESTION, parseBrokerMessage, type BrokerMessage } from '../../rpc/broker';

export type RequestHandler = (message: BrokerMessage, port: MessagePort) => void;

export interface PortBroker {
  /** False where there is no service worker in charge of this page. */
  readonly available: boolean;
  /** Hears when it becomes available. @returns stops listening. */
  onAvailable(handler: () => void): () => void;
  /** A port that the owner's worker answers on; null where nobody can be reached. */
  request(message: BrokerMessage): Promise<MessagePort | null>;
  /** Ports of other tabs, for the owner. @returns stops listening. */
  onRequest(handler: RequestHandler, isOwner: () => boolean): () => void;
}

const REPLY_MS = 5_000;

export class ServiceWorkerBroker implements PortBroker {
  readonly #container: ServiceWorkerContainer | undefined;

  /** @param container undefined in browsers and contexts without service workers */
  constructor(container: ServiceWorkerContainer | undefined) {
    this.#container = container;
  }

  get available(): boolean {
    return Boolean(this.#container?.controller);
  }

  onAvailable(handler: () => void): () => void {
    this.#container?.addEventListener('controllerchange', handler);
    return () => this.#container?.removeEventListener('controllerchange', handler);
  }

  async request(message: BrokerMessage): Promise<MessagePort | null> {
    const controller = this.#container?.controller;
    if (!controller) return null;
    const calls = new MessageChannel();
    const reply = new MessageChannel();
    controller.postMessage(message, [calls.port2, reply.port2]);
    if (await repliedYes(reply.port1)) return calls.port1;
    calls.port1.close();
    return null;
  }

  onRequest(handler: RequestHandler, isOwner: () => boolean): () => void {
    const container = this.#container;
    const listen = (event: MessageEvent<unknown>) => {
      const message = parseBrokerMessage(event.data);
      const port = event.ports[0];
      if (event.data === OWNER_QUESTION) port?.postMessage(isOwner());
      if (message && port) handler(message, port);
    };
    container?.addEventListener('message', listen);
    container?.startMessages();
    return () => container?.removeEventListener('message', listen);
  }
}

function repliedYes(port: MessagePort): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), REPLY_MS);
    port.onmessage = (event: MessageEvent<unknown>) => {
      clearTimeout(timer);
      resolve(event.data === true);
    };
  }).finally(() => port.close());
}
