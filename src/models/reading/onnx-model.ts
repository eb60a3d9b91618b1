// A model that is an ONNX graph with its weights, in it or in files beside it: read for what it takes and gives. Its weights are
// neither read nor copied here.
import { AppError } from '../../lib/errors';
import { checkDataFiles, dataFilesOf } from '../../lib/formats/onnx-data';
import type { OnnxDescription } from '../../lib/formats/onnx-description';
import { readOnnx } from '../../lib/formats/onnx-reader';
import type { NamedFile } from '../../protocol/models';
import { DEFAULT_CONTEXT, readGraphConfig } from '../onnx/graph-config';
import { graphScheme } from '../onnx/graph-scheme';
import { weighGraph } from '../onnx/weigh-graph';
import { readJson, type ModelSource } from './model-source';
import type { OpenedGraph } from './opened-model';
import { CONFIG, ONNX_GRAPH } from './weight-files';

/** Memory of wasm ends here, and weights have to lie in it whole. */
const MAX_WASM_BYTES = 2 ** 32;

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, `storage.missing`. */
export async function openOnnxModel(source: ModelSource): Promise<OpenedGraph> {
  const graphFile = await source.need(ONNX_GRAPH);
  const graph = await readOnnx(graphFile);
  checkSize(graph);
  const data = await dataOf(source, graph);
  const scheme = graphScheme(graph);
  const configFile = await source.find(CONFIG);
  const config = readGraphConfig(configFile === null ? {} : await readJson(CONFIG, configFile));
  return {
    format: 'onnx',
    task: 'chat',
    scheme,
    ...weighGraph(graph),
    contextLength: config.contextLength ?? DEFAULT_CONTEXT,
    vocabSize: scheme.vocabSize ?? config.vocabSize,
    stopTokenIds: config.stopTokenIds,
    license: null,
    weights: [{ name: ONNX_GRAPH, blob: graphFile }, ...data],
    beside: () => [],
  };
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
