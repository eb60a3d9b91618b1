// Writes the model's files from the last checkpoint, reads them again from disk and measures what was read: the numbers
// in the model card are those of the published file, rounding to 16 bits included.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPretraining } from '../../src/models/decoder/eager/full-training';
import type { TrainableModel } from '../../src/models/trainable-model';
import { CONFIG, GENERATION_CONFIG, MODEL } from './architecture';
import { loadCheckpoint, type Progress } from './checkpoint';
import { generateSamples, type Generation } from './generations';
import { bitsPerByte, heldOutBatches } from './held-out';
import { modelCard, updateDocument } from './model-card';
import { PlainLlama } from './plain-llama';
import { prepareCorpus, type PreparedCorpus } from './prepare';
import { RECIPE } from './train';
import { readWeights, writeWeights, type NamedArrays } from './weights-file';

export interface PackageOptions {
  checkpointPath: string;
  corpus: string;
  target: string;
  log: (line: string) => void;
}

export interface Measurements {
  progress: Progress;
  parameters: number;
  weightsBytes: number;
  /** The last one is the whole held-out text. */
  heldOut: { name: string; bytes: number; tokens: number; bitsPerByte: number }[];
  statistics: PreparedCorpus['statistics'];
  generations: Generation[];
}

/** Largest part by which the two ways to compute a loss may differ. */
const AGREEMENT = 1e-3;
const CHECKED_TOKENS = 200;
const WEIGHTS_FILE = 'model.safetensors';

export async function packageModel({ checkpointPath, corpus, target, log }: PackageOptions): Promise<void> {
  const checkpoint = loadCheckpoint(checkpointPath);
  if (checkpoint === null) throw new Error(`There is no checkpoint at ${checkpointPath}: train first.`);
  const prepared = prepareCorpus(corpus, MODEL.vocabSize, MODEL.contextLength);
  writeFiles(target, trainedWeights(checkpoint.arrays), prepared);
  const bytes = readFileSync(join(target, WEIGHTS_FILE));
  const { arrays } = readWeights(bytes);
  const model = createPretraining(MODEL, 0);
  await model.importState({
    appliedSteps: 0,
    arrays: new Map([...arrays].map(([name, array]) => [`parameter/${name}`, array])),
  });
  await checkAgreement(model, arrays, prepared, log);
  const measured: Measurements = {
    progress: checkpoint.progress,
    parameters: model.parameters,
    weightsBytes: bytes.length,
    heldOut: await measureHeldOut(model, prepared),
    statistics: prepared.statistics,
    generations: generateSamples(arrays, prepared.tokenizer),
  };
  report(measured, log);
  writeJson(join(target, 'record.json'), recordOf(measured, bytes));
  writeFileSync(join(target, 'README.md'), modelCard(measured, RECIPE));
  updateDocument('docs', measured);
}

function trainedWeights(state: NamedArrays): NamedArrays {
  const prefix = 'parameter/';
  const entries = [...state].filter(([name]) => name.startsWith(prefix));
  return new Map(entries.map(([name, array]) => [name.slice(prefix.length), array]));
}

function writeJson(path: string, content: object): void {
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
}

function writeFiles(target: string, weights: NamedArrays, prepared: PreparedCorpus): void {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, WEIGHTS_FILE), writeWeights(weights, 'F16', { format: 'pt' }));
  writeJson(join(target, 'config.json'), CONFIG);
  writeJson(join(target, 'generation_config.json'), GENERATION_CONFIG);
  writeJson(join(target, 'tokenizer.json'), prepared.tokenizerJson);
  writeJson(join(target, 'tokenizer_config.json'), prepared.tokenizerConfigJson);
}

/** What the catalogue shows without reading the weights. */
function recordOf({ parameters, weightsBytes }: Measurements, bytes: Uint8Array): object {
  return {
    name: 'Chispa',
    parameters,
    sizeBytes: weightsBytes,
    dtype: 'F16',
    contextLength: MODEL.contextLength,
    license: 'MIT',
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** The engine and the plain decoder must find the same loss on the same text. */
async function checkAgreement(
  model: TrainableModel,
  weights: NamedArrays,
  { heldOut }: PreparedCorpus,
  log: (line: string) => void,
): Promise<void> {
  const stream = heldOut[0]?.stream.subarray(0, CHECKED_TOKENS + 1) ?? new Int32Array();
  const { batches } = heldOutBatches([{ name: '', stream, bytes: 1 }], CHECKED_TOKENS, 1);
  const engine = await bitsPerByte(model, { batches, bytesPerToken: 1 / Math.LN2 });
  const plainModel = new PlainLlama(MODEL, weights);
  let plain = 0;
  for (let at = 0; at < CHECKED_TOKENS; at += 1) {
    plain += negativeLogLikelihood(plainModel.feed(stream[at] ?? 0), stream[at + 1] ?? 0) / CHECKED_TOKENS;
  }
  const difference = Math.abs(engine - plain) / plain;
  log(`loss of ${CHECKED_TOKENS} tokens: engine ${engine.toFixed(6)}, plain ${plain.toFixed(6)}`);
  if (!(difference < AGREEMENT))
    throw new Error(`The two differ by ${difference}: the weights file is wrong.`);
}

/** Nats. */
function negativeLogLikelihood(logits: Float32Array, target: number): number {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  return highest + Math.log(total) - (logits[target] ?? -Infinity);
}

async function measureHeldOut(
  model: TrainableModel,
  prepared: PreparedCorpus,
): Promise<Measurements['heldOut']> {
  const rows: Measurements['heldOut'] = [];
  for (const text of prepared.heldOut) {
    rows.push({
      name: text.name,
      bytes: text.bytes,
      tokens: text.stream.length - 1,
      bitsPerByte: await bitsPerByte(model, heldOutBatches([text], MODEL.contextLength, 1)),
    });
  }
  const total = (part: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + part(row), 0);
  const bytes = total((row) => row.bytes);
  const all = total((row) => row.bitsPerByte * row.bytes) / bytes;
  return [
    ...rows,
    { name: 'all held-out text', bytes, tokens: total((row) => row.tokens), bitsPerByte: all },
  ];
}

function report({ heldOut, generations, progress }: Measurements, log: (line: string) => void): void {
  log(`step ${progress.step}, ${progress.tokens} tokens, ${Math.round(progress.seconds)} s of training`);
  for (const row of heldOut) log(`${row.name}: ${row.bitsPerByte.toFixed(3)} bits per byte`);
  for (const { how, prompt, text } of generations) log(`[${how}] ${prompt} -> ${text}`);
}
