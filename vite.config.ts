import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

/** Cross-origin isolation: wasm threads, SharedArrayBuffer and memory measurement need it. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Everything a cold start without network needs, models and samples included. */
const offlineShell = VitePWA({
  strategies: 'injectManifest',
  srcDir: 'workers',
  filename: 'service-worker.ts',
  registerType: 'prompt',
  injectRegister: false,
  injectManifest: {
    globPatterns: ['**/*'],
    // onnxruntime's builds for WebGPU are large and few need them: fetched when an ONNX model is first run on a GPU.
    globIgnores: ['**/*.map', 'service-worker.js', '**/*.jspi-*.wasm', '**/*.asyncify-*.wasm'],
    maximumFileSizeToCacheInBytes: 64 * 1024 * 1024,
  },
  manifest: {
    id: '/',
    name: 'Fragua',
    short_name: 'Fragua',
    description: 'Fine-tune a small language model on your own data and chat with it, in one browser tab.',
    start_url: '.',
    scope: '.',
    display: 'standalone',
    background_color: '#0f0f0e',
    theme_color: '#0f0f0e',
    categories: ['productivity', 'education', 'developer'],
    icons: [
      { src: 'icons/icon-192.png', sizes: '192x192', type: 'image/png' },
      { src: 'icons/icon-512.png', sizes: '512x512', type: 'image/png' },
      { src: 'icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
      { src: 'icons/icon.svg', sizes: 'any', type: 'image/svg+xml' },
    ],
  },
});

/** Notes that ask for nothing: timings, and a module that the page loads late and a worker at once. */
const checks = { pluginTimings: false, bundlerTimings: false, ineffectiveDynamicImport: false };

export default defineConfig({
  // Tests run from source: there is nothing to precache.
  plugins: [svelte(), ...(process.env['VITEST'] === undefined ? [offlineShell] : [])],
  build: {
    target: 'es2023',
    sourcemap: true,
    manifest: true,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: { checks },
  },
  worker: { format: 'es', rolldownOptions: { checks } },
  server: { headers: isolationHeaders },
  preview: { headers: isolationHeaders },
});
