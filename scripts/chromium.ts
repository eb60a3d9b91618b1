// Where the tests' Chromium lies and how it is started. WebGPU runs on SwiftShader: right answers without a GPU.
import { existsSync } from 'node:fs';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of an installed Chromium. `CHROMIUM_PATH` wins. Throws where there is none. */
export function chromiumPath(): string {
  const path = process.env['CHROMIUM_PATH'] ?? CANDIDATES.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new Error(
      `No Chromium at ${CANDIDATES.join(', ')}. Install it (apt-get install chromium) or set CHROMIUM_PATH.`,
    );
  }
  return path;
}

/** Launch arguments shared by unit, browser and e2e tests, the demo and the benchmarks. */
export const chromiumArguments = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];
