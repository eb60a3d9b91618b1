// Does onnxruntime compute right here? A tiny decoder with an adapter, read in pieces and cut back, against the 64-bit
// reference: the way chats go. The checks are those of the other engines' self-tests.
import type { OrtEngine } from '../../../engine/ort/ort-engine';
import { AppError } from '../../../lib/errors';
import type { SelfTestReport } from '../../../protocol/engine';
import type { FileArray } from '../../file-layout';
import {
  check,
  referenceOf,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestBatch,
  selfTestWeights,
} from '../../self-test';
import type { DecoderConfig } from '../decoder-config';
import { OrtRuntime } from './ort-runtime';

/** A head size that onnxruntime takes. */
const CONFIG: DecoderConfig = { ...SELF_TEST_CONFIG, headSize: 16 };

const needless = () => Promise.reject(new AppError('internal', 'The self-test of chats trains nothing.'));

/** @throws AppError where onnxruntime refuses the graph. */
export async function runOrtSelfTest(engine: OrtEngine): Promise<SelfTestReport['checks']> {
  const weights = selfTestWeights(CONFIG, true);
  const read = (name: string): Promise<FileArray> => Promise.resolve(weights.get(name) as FileArray);
  const batch = selfTestBatch();
  const { length } = batch;
  const tokens = [...batch.tokens.slice(0, length)];
  const row = {
    ...batch,
    rows: 1,
    tokens: batch.tokens.slice(0, length),
    labels: batch.labels.slice(0, length),
  };
  const { logits } = referenceOf(CONFIG, weights, row);
  const runtime = new OrtRuntime({ engine, config: CONFIG, read, loadEager: needless });
  const adapter = await runtime.createAdapter({ ...SELF_TEST_LORA, dropout: 0 }, weights);
  const session = runtime.createSession(adapter);
  try {
    await session.feed(tokens.slice(0, 5));
    session.truncate(4);
    for (const token of tokens.slice(4, length - 1)) await session.feed([token]);
    const last = await session.feed(tokens.slice(length - 1));
    return [check('decoding in onnxruntime', last, logits.slice((length - 1) * CONFIG.vocabSize))];
  } finally {
    session.dispose();
    adapter.dispose();
    runtime.dispose();
  }
}
