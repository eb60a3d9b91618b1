import { playwright } from '@vitest/browser-playwright';
import { defineConfig, mergeConfig } from 'vitest/config';
import { chromiumArguments, chromiumPath } from './scripts/chromium';
import { hubCommands } from './tests/support/hub-commands';
import { s3Commands } from './tests/support/s3-commands';
import viteConfig from './vite.config';

const PLANNED = 'tests/parity/planned-*.test.ts';

/** Known before the first test file asks: a cold run would otherwise reload its pages half-way. */
const optimizeDeps = {
  include: [
    '@tensorflow/tfjs-core',
    '@tensorflow/tfjs-backend-cpu',
    '@tensorflow/tfjs-backend-wasm',
    '@tensorflow/tfjs-backend-webgpu',
    '@huggingface/jinja',
    'onnxruntime-web/jspi',
    'onnxruntime-web/wasm',
    'onnxruntime-web/webgpu',
    '@huggingface/tokenizers',
    '@huggingface/transformers',
    '@wllama/wllama/esm/index.js',
    'aws4fetch',
    'comlink',
    'fflate',
    'franc-min',
    'hash-wasm',
    'html-to-text',
    'hyparquet',
    'hyparquet-compressors',
    'idb',
    'mammoth',
    'papaparse',
    'semver/functions/satisfies',
    'semver/functions/valid',
    'unpdf',
    'valibot',
    'yaml',
  ],
};

/** For tests/support/case-choice.ts. */
const env = { FRAGUA_TESTS: process.env['FRAGUA_TESTS'] ?? '' };

const browser = {
  enabled: true,
  headless: true,
  screenshotFailures: false,
  commands: { ...s3Commands, ...hubCommands },
  provider: playwright({ launchOptions: { executablePath: chromiumPath(), args: chromiumArguments } }),
  instances: [{ browser: 'chromium' as const }],
};

/**
 * unit: pure code under Node. browser: everything that touches a browser API, in headless Chromium. parity: the planned
 * engine against its references, all files in one page with one device: kernels are compiled once, most of the time goes there.
 */
export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: 'unit',
            environment: 'node',
            include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
            isolate: false,
            setupFiles: ['tests/support/file-of-its-own.ts'],
            // For a machine whose cores other processes keep busy: no test asserts how long something takes.
            testTimeout: 60_000,
          },
        },
        {
          extends: true,
          optimizeDeps,
          test: {
            name: 'browser',
            include: ['tests/{browser,contract,parity}/**/*.test.ts'],
            exclude: [PLANNED],
            fileParallelism: false,
            testTimeout: 60_000,
            env,
            browser,
          },
        },
        {
          extends: true,
          optimizeDeps,
          test: {
            name: 'parity',
            include: [PLANNED],
            fileParallelism: false,
            isolate: false,
            setupFiles: ['tests/parity/draw-anew.ts'],
            testTimeout: 60_000,
            env,
            browser,
          },
        },
      ],
    },
  }),
);
