// What an ONNX model takes on this device: its files as they are, and the keys and values of a conversation. It is not trained.
import type { DescribedGraph, ModelEstimate } from '../../protocol/engine';
import { CHAT_TOKENS } from '../estimate-model';
import { readJson } from '../reading/model-source';
import type { OpenedDecoder, OpenedGraph } from '../reading/opened-model';
import { CONFIG } from '../reading/weight-files';
import { cacheElements, DEFAULT_CONTEXT, readGraphConfig } from './graph-config';

const BYTES = { float32: 4, float16: 2 } as const;

/** @param limitBytes what the device allows; null when unknown, which counts as fitting. */
export function estimateGraph(opened: OpenedGraph, limitBytes: number | null): ModelEstimate {
  const { parameters, contextLength, weights } = opened;
  const weightBytes = weights.reduce((sum, { blob }) => sum + blob.size, 0);
  const bytes = weightBytes + (opened.task === 'chat' ? cacheBytes(opened) : 0);
  return estimateOf({ parameters, contextLength, bytes, limitBytes });
}

/**
 * One that is not here yet: its files, and a cache as the usual numbers of config.json have it, where they are there.
 * @throws AppError `model.unsupported` where that is no JSON.
 */
export async function estimateDescribed(
  { configJson, graphBytes }: DescribedGraph,
  limitBytes: number | null,
): Promise<ModelEstimate> {
  const json = await readJson(CONFIG, new Blob([configJson]));
  const contextLength = readGraphConfig(json).contextLength ?? DEFAULT_CONTEXT;
  const tokens = Math.min(contextLength, CHAT_TOKENS);
  const bytes = graphBytes + 2 * cacheElements(json) * BYTES.float32 * tokens;
  return estimateOf({ parameters: 0, contextLength, bytes, limitBytes });
}

function estimateOf(known: {
  parameters: number;
  contextLength: number;
  bytes: number;
  limitBytes: number | null;
}): ModelEstimate {
  const { bytes, limitBytes, ...rest } = known;
  return {
    ...rest,
    limitBytes,
    arrayLimitBytes: null,
    chat: [{ storage: 'f32', bytes, fits: limitBytes === null || bytes <= limitBytes }],
    train: [],
  };
}

/** Of a conversation. Past and present are there side by side while a token is read. */
function cacheBytes({ scheme, contextLength }: OpenedDecoder): number {
  const tokens = Math.min(contextLength, CHAT_TOKENS);
  return scheme.caches.reduce((sum, { shape, axis, type }) => {
    const each = shape.reduce((size, n, index) => (index === axis ? size : size * n), BYTES[type]);
    return sum + 2 * each * tokens;
  }, 0);
}
