// npm run bench -- SUITE [--quick] [--shape NAME] [--backend auto|webgpu|wasm|cpu]
import { parseArgs } from 'node:util';
import type { BackendChoice } from '../src/protocol/engine';
import { print } from './report';
import type { SuiteOptions, SuiteRun } from './suite';
import { dataSuite } from './suites/data';
import { decodeSuite } from './suites/decode';
import { driftSuite } from './suites/drift';
import { fallbackSuite } from './suites/fallback';
import { kernelsSuite } from './suites/kernels';
import { loadSuite } from './suites/load';
import { memorySuite } from './suites/memory';
import { pageSuite } from './suites/page';
import { scalingSuite } from './suites/scaling';
import { startupSuite } from './suites/startup';
import { trainSuite } from './suites/train';

const SUITES: Record<string, (options: SuiteOptions) => Promise<SuiteRun>> = {
  startup: startupSuite,
  page: pageSuite,
  train: trainSuite,
  memory: memorySuite,
  scaling: scalingSuite,
  drift: driftSuite,
  kernels: kernelsSuite,
  decode: decodeSuite,
  load: loadSuite,
  fallback: fallbackSuite,
  data: dataSuite,
};
const BACKENDS: readonly string[] = ['auto', 'webgpu', 'wasm', 'cpu'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'auto' },
    shape: { type: 'string' },
  },
});
const suite = SUITES[positionals[0] ?? ''];
if (suite === undefined || !BACKENDS.includes(values.backend)) {
  console.error(
    `Usage: npm run bench -- ${Object.keys(SUITES).join('|')} [--quick] [--shape NAME] [--backend ${BACKENDS.join('|')}]`,
  );
  process.exit(1);
}
const { result, browserVersion } = await suite({
  quick: values.quick,
  backend: values.backend as BackendChoice,
  shape: values.shape ?? null,
});
print(result, browserVersion, values.quick);
