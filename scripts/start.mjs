// npm start: installs what is missing, builds, serves dist/ with COOP/COEP and prints the URL.
// Options: --port N (default 4173), --host NAME, --backend auto|webgpu|wasm|cpu.
import { parseArgs } from 'node:util';
import { installPackages, root } from './install.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4173' },
    host: { type: 'string', default: 'localhost' },
    backend: { type: 'string', default: 'auto' },
  },
});
const port = Number(values.port);
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  console.error(`--port ${values.port} is no port: give a number from 1 to 65535.`);
  process.exit(1);
}
const backends = ['auto', 'webgpu', 'wasm', 'cpu'];
if (!backends.includes(values.backend)) {
  console.error(`--backend ${values.backend} is unknown: give one of ${backends.join(', ')}.`);
  process.exit(1);
}

installPackages();
const { build, preview } = await import('vite');
await build({ root, logLevel: 'warn' });
const server = await preview({ root, preview: { port, host: values.host } });
const url = new URL(server.resolvedUrls.local[0] ?? server.resolvedUrls.network[0]);
if (values.backend !== 'auto') url.searchParams.set('backend', values.backend);
console.log(`Fragua is at ${url}  (Ctrl+C stops it)`);
