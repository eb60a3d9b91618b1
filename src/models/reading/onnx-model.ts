// A model that is an ONNX graph with its weights, in it or in files beside it: read for what it takes and gives. Its weights are
// neither read nor copied here.
import { POOLING_CONFIG, PREPROCESSOR_CONFIG } from '../../core/model-file-name';
import { preparedSize, readPicturePreprocessing } from '../../core/picture-preprocessing';
import { AppError } from '../../lib/errors';
import { checkDataFiles, dataFilesOf } from '../../lib/formats/onnx-data';
import type { OnnxDescription } from '../../lib/formats/onnx-description';
import { readOnnx } from '../../lib/formats/onnx-reader';
import type { NamedFile } from '../../protocol/models';
import { readEmbeddingConfig } from '../onnx/embedding-config';
import { DEFAULT_CONTEXT, DEFAULT_TEXT, readGraphConfig } from '../onnx/graph-config';
import { graphScheme } from '../onnx/graph-scheme';
import type { VisionScheme } from '../onnx/vision-scheme';
import { weighGraph } from '../onnx/weigh-graph';
import { readJson, type ModelSource } from './model-source';
import type { OpenedGraph } from './opened-model';
import { CONFIG, MODULES, ONNX_GRAPH, SENTENCE_CONFIG, TOKENIZER_CONFIG } from './weight-files';

/** Memory of wasm ends here, and weights have to lie in it whole. */
const MAX_WASM_BYTES = 2 ** 32;

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, `storage.missing`. */
export async function openOnnxModel(source: ModelSource): Promise<OpenedGraph> {
  const graphFile = await source.need(ONNX_GRAPH);
  const graph = await readOnnx(graphFile);
  checkSize(graph);
  const data = await dataOf(source, graph);
  const scheme = graphScheme(graph);
  const config = readGraphConfig(await jsonOf(source, CONFIG));
  const known = {
    format: 'onnx' as const,
    ...weighGraph(graph),
    stopTokenIds: config.stopTokenIds,
    license: null,
    weights: [{ name: ONNX_GRAPH, blob: graphFile }, ...data],
    beside: () => [],
  };
  if (scheme.kind === 'decoder') {
    const vocabSize = scheme.vocabSize ?? config.vocabSize;
    const contextLength = config.contextLength ?? DEFAULT_CONTEXT;
    return { ...known, task: 'chat', scheme, vocabSize, contextLength };
  }
  if (scheme.kind === 'vision') {
    checkPreprocessing(scheme, await readJson(PREPROCESSOR_CONFIG, await source.need(PREPROCESSOR_CONFIG)));
    // Pictures have no length.
    return { ...known, task: 'vision', scheme, vocabSize: null, contextLength: 0 };
  }
  const embedding = readEmbeddingConfig({
    pooling: scheme.gives === 'texts' ? null : await jsonOf(source, POOLING_CONFIG),
    modules: await jsonOf(source, MODULES),
    sentence: await jsonOf(source, SENTENCE_CONFIG),
    tokenizer: await jsonOf(source, TOKENIZER_CONFIG),
  });
  const limits = [embedding.maxTokens, config.contextLength, scheme.length].filter((limit) => limit !== null);
  const contextLength = limits.length === 0 ? DEFAULT_TEXT : Math.min(...limits);
  return { ...known, task: 'embedding', scheme, embedding, vocabSize: config.vocabSize, contextLength };
}

/** @throws AppError `model.unsupported` where pictures would come in another size than the graph takes. */
function checkPreprocessing({ width, height }: VisionScheme, json: unknown): void {
  const size = preparedSize(readPicturePreprocessing(json));
  if ((width ?? size.width) === size.width && (height ?? size.height) === size.height) return;
  throw new AppError(
    'model.unsupported',
    `${PREPROCESSOR_CONFIG} prepares pictures of ${size.width} x ${size.height} pixels, the graph takes ${width ?? '?'} x ${height ?? '?'}.`,
    { remedy: `Use the ${PREPROCESSOR_CONFIG} of the same model.` },
  );
}

/** null where there is no such file. @throws AppError `model.unsupported` where it is no JSON. */
async function jsonOf(source: ModelSource, name: string): Promise<unknown> {
  const blob = await source.find(name);
  return blob === null ? null : readJson(name, blob);
}

/** @throws AppError `model.unsupported`, `model.truncated` naming the file. */
async function dataOf(source: ModelSource, { arrays }: OnnxDescription): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for (const name of dataFilesOf(arrays)) {
    const blob = await source.find(name);
    if (blob !== null) files.push({ name, blob });
  }
  checkDataFiles(arrays, new Map(files.map(({ name, blob }) => [name, blob.size])));
  return files;
}

function checkSize({ arrays }: OnnxDescription): void {
  const bytes = arrays.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes <= MAX_WASM_BYTES) return;
  throw new AppError(
    'model.unsupported',
    `The weights of the ONNX graph take ${gigabytes(bytes)} GB; a browser holds at most ${gigabytes(MAX_WASM_BYTES)} GB of them.`,
    {
      details: { sizeBytes: bytes, limitBytes: MAX_WASM_BYTES },
      remedy: 'Choose a variant in fewer bits, as q4, or a smaller model.',
    },
  );
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
