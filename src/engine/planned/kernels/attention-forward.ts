// Attention forward: online softmax (Milakov and Gimelshein 2018; Dao et al. 2022). One invocation owns some query rows
// and walks over the keys that its workgroup can see; nothing of size [length, length] exists.
import { reads, writes, type Kernel } from '../kernel';
import {
  blockGrid,
  headVector,
  layoutOf,
  logScale,
  pairs,
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
 * Bindings: qkv [tokens, (heads + 2 * kvHeads) * headSize]; segments [tokens]; output [tokens, heads * headSize];
 * logSums [tokens, heads], log2 of the sum of exp2 over the scaled scores.
 */
export function attentionKernel(shape: AttentionShape, variant: AttentionVariant): Kernel {
  const { length, heads, kvHeads, headSize } = shape;
  const { lanes, sharedBytes } = variant;
  const vector = headVector(headSize);
  const { chunks, type } = vector;
  const { stride, keys, values, outputStride } = layoutOf(shape);
  const tile = rowTile(shape, variant.forwardRows);
  const sets = heads / tile.heads;
  const setsPerGroup = sets / kvHeads;
  const grid = blockGrid(shape, sets, lanes * tile.tokens, lanes);
  const rows = range(tile.tokens).flatMap((t) => range(tile.heads).map((h) => ({ t, h, r: `${t}_${h}` })));
  const tileKeys = Math.floor(sharedBytes / (8 * headSize));
  const shared = tileKeys > 0;
  const together = range(shared ? 1 : variant.keysAtOnce);

  const setUp = [
    `let kvHead = headSet / ${setsPerGroup}u;`,
    ...range(tile.tokens).map(
      (t) => `let p${t} = min(first + ${t * lanes}u + lane, ${length - 1}u);
let g${t} = segments[base + p${t}];`,
    ),
    ...rows.map(({ t, h, r }) =>
      [
        `let at${r} = (base + p${t}) * ${stride}u + (headSet * ${tile.heads}u + ${h}u) * ${chunks}u;`,
        `var m${r} = ${LOWEST}; var l${r} = 0.0;`,
        ...range(chunks).map(
          (c) =>
            `let q${r}_${c} = qkv[at${r} + ${c}u] * ${logScale(shape)}; var o${r}_${c} = ${vector.zero};`,
        ),
      ].join('\n'),
    ),
  ];

  const key = (j: number, c: number): string => (shared ? `keyTile[slot + ${c}u]` : `qkv[k${j} + ${c}u]`);
  const value = (j: number, c: number): string =>
    shared ? `valueTile[slot + ${c}u]` : `qkv[k${j} + ${values - keys + c}u]`;
  const scores = [
    ...together.map((j) =>
      [
        `let t${j} = key + ${j}u;`,
        `let b${j} = base + min(t${j}, ${length - 1}u);`,
        `let e${j} = segments[b${j}];`,
        shared ? '' : `let k${j} = b${j} * ${stride}u + ${keys}u + kvHead * ${chunks}u;`,
        ...range(tile.tokens).map(
          (t) => `let ok${t}_${j} = ${sees(shape, `p${t}`, `t${j}`, `g${t}`, `e${j}`)};`,
        ),
        ...rows.map(({ r }) => `var s${r}_${j} = ${vector.zero};`),
      ].join('\n'),
    ),
    ...range(chunks).flatMap((c) =>
      together.map((j) =>
        [
          `let y${j}_${c} = ${key(j, c)};`,
          ...rows.map(({ r }) => `s${r}_${j} = fma(q${r}_${c}, y${j}_${c}, s${r}_${j});`),
        ].join(' '),
      ),
    ),
  ];
  const softmax = rows.flatMap(({ t, r }) => {
    const seen = together.map((j) => `select(${LOWEST}, z${r}_${j}, ok${t}_${j})`);
    return [
      ...together.map((j) => `let z${r}_${j} = ${vector.total(`s${r}_${j}`)};`),
      `let n${r} = ${seen.reduce((most, one) => `max(${most}, ${one})`, `m${r}`)};`,
      `let f${r} = exp2(m${r} - n${r}); m${r} = n${r};`,
      ...together.map((j) => `let w${r}_${j} = select(0.0, exp2(z${r}_${j} - n${r}), ok${t}_${j});`),
      `l${r} = l${r} * f${r} + ${together.map((j) => `w${r}_${j}`).join(' + ')};`,
    ];
  });
  const weighted = range(chunks).flatMap((c) => [
    ...together.map((j) => `let x${j}_${c} = ${value(j, c)};`),
    ...rows.map(({ r }) => {
      const sum = together.reduce(
        (sofar, j) => `fma(${type}(w${r}_${j}), x${j}_${c}, ${sofar})`,
        `o${r}_${c} * f${r}`,
      );
      return `o${r}_${c} = ${sum};`;
    }),
  ]);
  const store = rows.map(
    ({ t, h, r }) => `if (first + ${t * lanes}u + lane < ${length}u) {
let i${r} = 1.0 / l${r};
let to${r} = (base + p${t}) * ${outputStride}u + (headSet * ${tile.heads}u + ${h}u) * ${chunks}u;
${range(chunks)
  .map((c) => `output[to${r} + ${c}u] = o${r}_${c} * i${r};`)
  .join('\n')}
logSums[(base + p${t}) * ${heads}u + headSet * ${tile.heads}u + ${h}u] = m${r} + log2(l${r});
}`,
  );
  const body = [...scores, ...softmax, ...weighted].join('\n');
  const loop = shared
    ? sharedLoop(body, { tileKeys, chunks, lanes, stride, keys, values, length })
    : `for (var key = start; key < end; key += ${together.length}u) {\n${body}\n}`;
  return {
    name: `attention ${shapeName(shape)}`,
    bindings: [
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
${grid.begin}
${visibleStart(shape)}
${setUp.join('\n')}
${loop}
${store.join('\n')}
}`,
    workgroups: grid.workgroups,
    flops: 4 * headSize * pairs(shape),
  };
}

interface SharedLoop {
  tileKeys: number;
  chunks: number;
  lanes: number;
  stride: number;
  keys: number;
  values: number;
  length: number;
}

/** Keys and values come through workgroup memory. The start is read back from there, which makes it provably uniform. */
function sharedLoop(
  body: string,
  { tileKeys, chunks, lanes, stride, keys, values, length }: SharedLoop,
): string {
  return `if (lane == 0u) { begin = start; }
let uniformStart = workgroupUniformLoad(&begin);
for (var tileStart = uniformStart; tileStart < end; tileStart += ${tileKeys}u) {
workgroupBarrier();
for (var i = lane; i < ${tileKeys * chunks}u; i += ${lanes}u) {
  let source = (base + min(tileStart + i / ${chunks}u, ${length - 1}u)) * ${stride}u + kvHead * ${chunks}u + i % ${chunks}u;
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
