// Which of several ONNX graphs in a folder is taken, by their names as transformers.js and Optimum have them: `model.onnx`,
// `model_fp16.onnx`, `model_q4.onnx` are one model in several precisions. Pure.

export interface SizedName {
  /** Without folders. */
  name: string;
  sizeBytes: number;
}

export interface OnnxVariant {
  /** Its name without precision and ending. */
  stem: string;
  /** `fp16`, `q4` and the like; '' where the name has none. */
  precision: string;
}

export type VariantChoice = { chosen: string; others: string[] } | { undecided: string[] };

const NAME =
  /^(.+?)(?:[_.-](fp32|fp16|bf16|q1|q2|q4|q8|q1f16|q2f16|q4f16|q8f16|int8|uint8|quantized|bnb4|O[1-4]|qu?int8(?:_\w+)?))?\.onnx$/i;
/** What runs everywhere and loses least goes first. Halves are slow on a CPU, and not every operator knows them. */
const ORDER = [/^$|^fp32$/, /^o\d$/, /^q4$/, /^q8$|int8|^quantized$/, /^fp16$|^bf16$/, /./];
/** 32-bit floats of more than that are the last choice but one: a browser holds few models twice as large. */
const MOST_FLOAT_BYTES = 1_500_000_000;
/** Halves of a model that came as one graph as well. */
const PARTS = /^decoder(?:_with_past)?_model$/i;
/** Others are of models with several graphs: an encoder, a part that sees. */
const WHOLE = /^(?:model|decoder_model|decoder_with_past_model|decoder_model_merged)$/i;
const MERGED = /^decoder_model_merged$/i;

/** null for what is no ONNX file. */
export function variantOf(name: string): OnnxVariant | null {
  const [, stem, precision = ''] = NAME.exec(name) ?? [];
  return stem === undefined ? null : { stem, precision: precision.toLowerCase() };
}

/** The graph's own file and those named after it. */
export function belongsTo(name: string, graph: string): boolean {
  const beside = name.slice(graph.length);
  return name === graph || (name.startsWith(graph) && /^[._]data/.test(beside));
}

/** null where there is no ONNX file at all; `undecided` where they are not variants of one model. */
export function chooseVariant(files: readonly SizedName[]): VariantChoice | null {
  const all = files.flatMap(({ name }) => {
    const variant = variantOf(name);
    return variant === null ? [] : [{ name, ...variant, rank: rankOf(variant, name, files) }];
  });
  const hasMerged = all.some(({ stem }) => MERGED.test(stem));
  const wanted = all.filter(({ stem }) => !hasMerged || !PARTS.test(stem));
  const [first] = [...wanted].sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
  if (first === undefined) return null;
  const names = all.map(({ name }) => name);
  if (wanted.some(({ stem }) => stem !== first.stem)) return { undecided: names };
  return { chosen: first.name, others: names.filter((name) => name !== first.name) };
}

/** Graphs that are a model by themselves, by their paths: without the parts of one that is there whole as well. */
export function wholeGraphs(files: readonly { path: string }[]): { path: string; precision: string }[] {
  const graphs = files.flatMap(({ path }) => {
    const variant = variantOf(path.slice(path.lastIndexOf('/') + 1));
    return variant === null ? [] : [{ path, ...variant }];
  });
  const hasMerged = graphs.some(({ stem }) => MERGED.test(stem));
  return graphs
    .filter(({ stem }) => WHOLE.test(stem) && !(hasMerged && PARTS.test(stem)))
    .map(({ path, precision }) => ({ path, precision }));
}

function rankOf({ precision }: OnnxVariant, name: string, files: readonly SizedName[]): number {
  const rank = ORDER.findIndex((pattern) => pattern.test(precision));
  const bytes = files.reduce((sum, file) => sum + (belongsTo(file.name, name) ? file.sizeBytes : 0), 0);
  return rank === 0 && bytes > MOST_FLOAT_BYTES ? ORDER.length - 1.5 : rank;
}
