// Trains the embedded model from nothing, with this project's own trainer on its fastest backend without a GPU (wasm).
//   npm run pretrain -- [--minutes 65] [--steps N] [--corpus ../shared/data] [--out .cache/pretrain] [--fresh]
//   npm run pretrain -- --package      writes public/models/chispa from the last checkpoint and measures it
// A stopped run goes on from its last checkpoint. Recipe and results: docs/embedded-model.md.
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { prepareWasm } from '../src/engine/device/wasm-backend';
import { createPretraining } from '../src/models/decoder/eager/full-training';
import { initialWeights, MODEL } from './pretrain/architecture';
import { BatchMaker } from './pretrain/batches';
import { loadCheckpoint, type Checkpoint } from './pretrain/checkpoint';
import { heldOutBatches } from './pretrain/held-out';
import { packageModel } from './pretrain/package';
import { prepareCorpus } from './pretrain/prepare';
import { PretrainingLoop } from './pretrain/train';

const SEED = 20260401;
/** During training a sixth of the held-out text is enough to see where it goes. */
const EVALUATION_SHARE = 6;

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: '../shared/data' },
    out: { type: 'string', default: '.cache/pretrain' },
    target: { type: 'string', default: 'public/models/chispa' },
    minutes: { type: 'string', default: '65' },
    steps: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    package: { type: 'boolean', default: false },
  },
});

const checkpointPath = join(values.out, 'checkpoint.safetensors');

function log(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text}: give a number above 0.`);
  return value;
}

function startingPoint(): Checkpoint {
  if (values.fresh) rmSync(checkpointPath, { force: true });
  const found = loadCheckpoint(checkpointPath);
  if (found !== null) return found;
  const arrays = new Map(
    [...initialWeights(SEED)].map(([name, array]) => [`parameter/${name}`, array] as const),
  );
  return { progress: { step: 0, rows: 0, tokens: 0, seconds: 0, curve: [] }, arrays };
}

async function train(): Promise<void> {
  const corpus = prepareCorpus(values.corpus, MODEL.vocabSize, MODEL.contextLength);
  for (const book of corpus.statistics) log(JSON.stringify(book));
  const { progress, arrays } = startingPoint();
  const model = createPretraining(MODEL, SEED);
  await model.importState({ appliedSteps: progress.step, arrays });
  log(`${model.parameters} parameters, from step ${progress.step}, backend ${tf.getBackend()}`);
  let stopAsked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => (stopAsked = true));
  const loop = new PretrainingLoop({
    model,
    batches: new BatchMaker(corpus.sources, SEED),
    heldOut: heldOutBatches(corpus.heldOut, MODEL.contextLength, EVALUATION_SHARE),
    progress,
    plan: {
      seconds: 60 * positive('minutes', values.minutes),
      steps: values.steps === undefined ? null : positive('steps', values.steps),
    },
    checkpointPath,
    stopAsked: () => stopAsked,
    log: (line) => {
      log(line);
      appendFileSync(join(values.out, 'curve.log'), `${line}\n`);
    },
  });
  log((await loop.run()) ? 'The plan is done.' : 'Stopped; the next start goes on from here.');
}

mkdirSync(values.out, { recursive: true });
prepareWasm(null);
await tf.setBackend('wasm');
await tf.ready();
if (values.package) await packageModel({ checkpointPath, corpus: values.corpus, target: values.target, log });
else await train();
