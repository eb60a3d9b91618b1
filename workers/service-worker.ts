// The offline shell: everything of one build is kept and served from the cache, with the headers it came with
// (cross-origin isolation included). Hands ports between tabs. Takes over only when the page says so.
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  precacheAndRoute,
  type PrecacheEntry,
} from 'workbox-precaching';
import { forwardToOwner, parseBrokerMessage } from '../src/rpc/broker';

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (string | PrecacheEntry)[] };

precacheAndRoute(self.__WB_MANIFEST, { ignoreURLParametersMatching: [/.*/] });
cleanupOutdatedCaches();

// Every navigation inside the scope is the app: its views are routes of one document.
const shell = createHandlerBoundToURL('index.html');
self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.mode !== 'navigate') return;
  event.respondWith(Promise.resolve(shell({ event, request, url: new URL(request.url) })));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  if ((event.data as { type?: unknown } | null)?.type === 'SKIP_WAITING') event.waitUntil(self.skipWaiting());
  const message = parseBrokerMessage(event.data);
  const [port, reply] = event.ports;
  if (!message || !port || !reply) return;
  const answer = async () => {
    const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    reply.postMessage(await forwardToOwner(tabs, message, port));
  };
  event.waitUntil(answer());
});
