// A model as the directory that transformers.js opens: two graphs of the same weights, in 32-bit floats and with projections
// in 4 bits, beside config, tokenizer and generation settings.
import { arrayBytes, onnxFiles, type OnnxModel } from '../../lib/formats/onnx';
import { jsonFile, textFile, type StreamedFile } from '../../lib/formats/streamed-file';
import { decoderOnnx, type OnnxStorage } from '../decoder/onnx/decoder-graph';
import { weightsOf, type ExportSource } from './export-source';
import { modelCard } from './model-card';
import { companionFiles } from './safetensors-directory';

/** Names that transformers.js looks for, by its `dtype`. */
const GRAPHS: readonly { name: string; storage: OnnxStorage }[] = [
  { name: 'model.onnx', storage: 'f32' },
  { name: 'model_q4.onnx', storage: 'int4' },
];
/** Larger graphs keep their weights in a file beside them: browsers read a graph's file whole. */
const MAX_GRAPH_BYTES = 1 << 30;

export function onnxDirectory(source: ExportSource, maxGraphBytes = MAX_GRAPH_BYTES): StreamedFile[] {
  const read = weightsOf(source);
  const external: Record<string, number> = {};
  const graphs = GRAPHS.flatMap(({ name, storage }) => {
    const model = decoderOnnx(source.plan.decoder, read, { kind: 'portable' }, storage);
    const isOutside = weightBytes(model) > maxGraphBytes;
    if (isOutside) external[name] = 1;
    return onnxFiles(model, name, isOutside).map((file) => ({ ...file, name: `onnx/${file.name}` }));
  });
  return [
    jsonFile('config.json', configOf(source, external)),
    ...companionFiles(source),
    ...graphs,
    textFile('README.md', modelCard(source, { kind: 'onnx' })),
  ];
}

const weightBytes = ({ arrays }: OnnxModel): number =>
  arrays.reduce((sum, array) => sum + arrayBytes(array), 0);

function configOf({ configJson }: ExportSource, external: Record<string, number>): Record<string, unknown> {
  const known = configJson['transformers.js_config'];
  const settings = {
    ...(typeof known === 'object' && known !== null ? known : {}),
    use_external_data_format: external,
  };
  return Object.keys(external).length === 0
    ? configJson
    : { ...configJson, 'transformers.js_config': settings };
}
