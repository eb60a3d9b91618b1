// `fragua` in the console: the clients that the views use, for scripts, the demo and the benchmarks.
import type { AppClients } from './clients/app-clients';

declare global {
  // A `var`, because that is how TypeScript declares a property of globalThis.
  var fragua: Pick<AppClients, 'engine' | 'data' | 'features' | 'bus'>;
}

export function exposeClients(clients: AppClients): void {
  const { engine, data, features, bus } = clients;
  globalThis.fragua = { engine, data, features, bus };
}
