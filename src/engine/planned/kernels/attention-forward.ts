// Attention forward: online softmax (Milakov and Gimelshein 2018; Dao et al. 2022). One invocation owns some query rows
// and walks over the keys that its workgroup can see; nothing of size [length, length] exists.
import { reads, writes, type Kernel } from '../kernel';
import { SHARED_ATTENTION } from '../kernel-variants';
import { SIZES, tileBegin, type AttentionGrid, type TiledKernel } from './attention-grid';
import {
  eachChunk,
  headVector,
  layoutOf,
  logScale,
  range,
  rowTile,
  sees,
  shapeName,
  visibleStart,
  type AttentionShape,
  type AttentionVariant,
} from './attention-tile';

/** Below every score, and finite: the difference of two of them is 0. */
const LOWEST = '-1e30';

/**
 * For `dispatchTiles`. Bindings: sizes; qkv [tokens, (heads + 2 * kvHeads) * headSize]; segments [tokens]; output [tokens, heads * headSize];
 * logSums [tokens, heads], log2 of the sum of exp2 over the scaled scores.
 */
export function attentionKernel(shape: AttentionShape, variant: AttentionVariant): TiledKernel {
  const { heads, kvHeads, headSize } = shape;
  const { lanes, sharedBytes } = variant;
  const vector = headVector(headSize);
  const { chunks, type } = vector;
  const { stride, keys, values, outputStride } = layoutOf(shape);
  const tile = rowTile(shape, variant.forwardRows);
  const sets = heads / tile.heads;
  const setsPerGroup = sets / kvHeads;
  const grid: AttentionGrid = {
    headSets: sets,
    blockTokens: lanes * tile.tokens,
    sees: 'before',
    flopsPerPair: 4 * headSize * tile.heads,
  };
  const rows = range(tile.tokens).flatMap((t) => range(tile.heads).map((h) => ({ t, h, r: `${t}_${h}` })));
  const tileKeys = Math.floor(sharedBytes / (8 * headSize));
  const shared = tileKeys > 0;

  const setUp = [
    `let kvHead = headSet / ${setsPerGroup}u;`,
    ...range(tile.tokens).map(
      (t) => `let p${t} = min(first + ${t * lanes}u + lane, length - 1u);
let g${t} = segments[base + p${t}];`,
    ),
    ...rows.map(({ t, h, r }) =>
      [
        `let at${r} = (base + p${t}) * ${stride}u + (headSet * ${tile.heads}u + ${h}u) * ${chunks}u;`,
        `var m${r} = ${LOWEST}; var l${r} = 0.0;`,
        `var q${r}: array<${type}, ${chunks}>; var o${r}: array<${type}, ${chunks}>;`,
        eachChunk(chunks, `q${r}[c] = qkv[at${r} + c] * ${logScale(shape)};`),
      ].join('\n'),
    ),
  ];

  const loaded = (c: number): { key: string; value: string } =>
    shared
      ? { key: `keyTile[slot + ${c}u]`, value: `valueTile[slot + ${c}u]` }
      : { key: `qkv[k + ${c}u]`, value: `qkv[k + ${values - keys + c}u]` };
  const body = [
    'let keySegment = segments[base + key];',
    shared ? '' : `let k = (base + key) * ${stride}u + ${keys}u + kvHead * ${chunks}u;`,
    ...range(tile.tokens).map((t) => `let ok${t} = ${sees(shape, `p${t}`, 'key', `g${t}`, 'keySegment')};`),
    ...rows.map(({ r }) => `var s${r} = ${vector.zero};`),
    ...range(chunks).flatMap((c) => [
      `let y${c} = ${loaded(c).key};`,
      ...rows.map(({ r }) => `s${r} = fma(q${r}[${c}], y${c}, s${r});`),
    ]),
    ...rows.map(
      ({ t, r }) => `let z${r} = ${vector.total(`s${r}`)};
let n${r} = select(m${r}, max(m${r}, z${r}), ok${t});
let f${r} = exp2(m${r} - n${r});
let w${r} = select(0.0, exp2(z${r} - n${r}), ok${t});
m${r} = n${r}; l${r} = fma(l${r}, f${r}, w${r});`,
    ),
    ...range(chunks).flatMap((c) => [
      `let x${c} = ${loaded(c).value};`,
      ...rows.map(({ r }) => `o${r}[${c}] = fma(${type}(w${r}), x${c}, o${r}[${c}] * f${r});`),
    ]),
  ].join('\n');
  const store = rows.map(
    ({ t, h, r }) => `if (first + ${t * lanes}u + lane < length) {
let i${r} = 1.0 / l${r};
let to${r} = (base + p${t}) * ${outputStride}u + (headSet * ${tile.heads}u + ${h}u) * ${chunks}u;
${eachChunk(chunks, `output[to${r} + c] = o${r}[c] * i${r};`)}
logSums[(base + p${t}) * ${heads}u + headSet * ${tile.heads}u + ${h}u] = m${r} + log2(l${r});
}`,
  );
  const loop = shared
    ? sharedLoop(body, { tileKeys, chunks, lanes, stride, keys, values })
    : `for (var key = start; key < end; key++) {\n${body}\n}`;
  const kernel: Kernel = {
    name: `attention ${shapeName(shape)}`,
    ...(shared ? { variant: SHARED_ATTENTION } : {}),
    bindings: [
      SIZES,
      reads('qkv', vector.storage),
      reads('segments', 'array<i32>'),
      writes('output', vector.storage),
      writes('logSums'),
    ],
    code: `${
      shared
        ? `var<workgroup> keyTile: array<${type}, ${tileKeys * chunks}>;
var<workgroup> valueTile: array<${type}, ${tileKeys * chunks}>;
var<workgroup> begin: u32;`
        : ''
    }
${tileBegin(grid, lanes)}
${visibleStart(shape)}
${setUp.join('\n')}
${loop}
${store.join('\n')}
}`,
    workgroups: [1, 1, 1],
    flops: 0,
  };
  return { kernel, grid };
}

interface SharedLoop {
  tileKeys: number;
  chunks: number;
  lanes: number;
  stride: number;
  keys: number;
  values: number;
}

/** Keys and values come through workgroup memory. The start is read back from there, which makes it provably uniform. */
function sharedLoop(body: string, { tileKeys, chunks, lanes, stride, keys, values }: SharedLoop): string {
  return `if (lane == 0u) { begin = start; }
let uniformStart = workgroupUniformLoad(&begin);
for (var tileStart = uniformStart; tileStart < end; tileStart += ${tileKeys}u) {
workgroupBarrier();
for (var i = lane; i < ${tileKeys * chunks}u; i += ${lanes}u) {
  let source = (base + min(tileStart + i / ${chunks}u, length - 1u)) * ${stride}u + kvHead * ${chunks}u + i % ${chunks}u;
  keyTile[i] = qkv[source + ${keys}u];
  valueTile[i] = qkv[source + ${values}u];
}
workgroupBarrier();
let tileEnd = min(tileStart + ${tileKeys}u, end);
for (var key = tileStart; key < tileEnd; key++) {
let slot = (key - tileStart) * ${chunks}u;
${body}
}
}`;
}
