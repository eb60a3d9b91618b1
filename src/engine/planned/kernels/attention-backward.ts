// Gradients of attention, without atomics and without anything of size [length, length]: probabilities are computed again
// from the kept log-sums. By the queries: a walk over keys. By keys and values: a walk over the queries of all heads that
// share the key head (Dao et al. 2022, appendix B).
import { float, reads, spread, writes, type Kernel } from '../kernel';
import { SIZES, tileBegin, type AttentionGrid, type TiledKernel } from './attention-grid';
import {
  eachChunk,
  headVector,
  layoutOf,
  logScale,
  range,
  rowTile,
  scaleOf,
  seenStop,
  sees,
  shapeName,
  visibleStart,
  type AttentionShape,
  type AttentionVariant,
} from './attention-tile';

const INNER_WORKGROUP = 64;

/**
 * inner [tokens, heads] = sum over a head of dOutput * output. Bindings: sizes, of which it reads the first: tokens *
 * heads; dOutput; output; inner.
 */
export function innerKernel({ rows, length, heads, headSize }: AttentionShape): Kernel {
  const { chunks, zero, total, storage } = headVector(headSize);
  const count = rows * length * heads;
  return {
    name: `attention inner ${count}x${headSize}`,
    bindings: [SIZES, reads('dOutput', storage), reads('output', storage), writes('inner')],
    code: `@compute @workgroup_size(${INNER_WORKGROUP}) fn main(
  @builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let index = id.x + id.y * groups.x * ${INNER_WORKGROUP}u;
  if (index >= sizes[0]) { return; }
  var sum = ${zero};
  for (var at = index * ${chunks}u; at < (index + 1u) * ${chunks}u; at++) { sum = fma(dOutput[at], output[at], sum); }
  inner[index] = ${total('sum')};
}`,
    workgroups: spread(Math.ceil(count / INNER_WORKGROUP)),
    flops: 2 * count * headSize,
  };
}

const bindingsOf = (storage: string): Kernel['bindings'] => [
  SIZES,
  reads('qkv', storage),
  reads('segments', 'array<i32>'),
  reads('dOutput', storage),
  reads('logSums'),
  reads('inner'),
  writes('dQkv', storage),
];

/** Writes the query heads of dQkv, for `dispatchTiles`. Bindings: sizes, qkv, segments, dOutput, logSums, inner, dQkv. */
export function queryGradientKernel(shape: AttentionShape, variant: AttentionVariant): TiledKernel {
  const { heads, kvHeads, headSize } = shape;
  const { lanes } = variant;
  const { chunks, storage, zero, total, type } = headVector(headSize);
  const { stride, keys, values, outputStride } = layoutOf(shape);
  const tile = rowTile(shape, variant.queryRows);
  const sets = heads / tile.heads;
  const grid: AttentionGrid = {
    headSets: sets,
    blockTokens: lanes * tile.tokens,
    sees: 'before',
    flopsPerPair: 6 * headSize * tile.heads,
  };
  const rows = range(tile.tokens).flatMap((t) => range(tile.heads).map((h) => ({ t, h, r: `${t}_${h}` })));
  const head = (h: number): string => `(headSet * ${tile.heads}u + ${h}u)`;
  const setUp = [
    ...range(tile.tokens).map(
      (t) => `let p${t} = min(first + ${t * lanes}u + lane, length - 1u);
let g${t} = segments[base + p${t}];`,
    ),
    ...rows.map(({ t, h, r }) =>
      [
        `let at${r} = (base + p${t}) * ${stride}u + ${head(h)} * ${chunks}u;`,
        `let to${r} = (base + p${t}) * ${outputStride}u + ${head(h)} * ${chunks}u;`,
        `let l${r} = logSums[(base + p${t}) * ${heads}u + ${head(h)}];`,
        `let i${r} = inner[(base + p${t}) * ${heads}u + ${head(h)}];`,
        ...['q', 'd', 'a'].map((name) => `var ${name}${r}: array<${type}, ${chunks}>;`),
        eachChunk(chunks, `q${r}[c] = qkv[at${r} + c] * ${logScale(shape)}; d${r}[c] = dOutput[to${r} + c];`),
      ].join('\n'),
    ),
  ];
  const loop = [
    `let b = base + key;
let e = segments[b];
let k = b * ${stride}u + ${keys}u + headSet / ${sets / kvHeads}u * ${chunks}u;`,
    ...range(tile.tokens).map((t) => `let ok${t} = ${sees(shape, `p${t}`, 'key', `g${t}`, 'e')};`),
    ...rows.map(({ r }) => `var s${r} = ${zero}; var u${r} = ${zero};`),
    ...range(chunks).flatMap((c) => [
      `let y${c} = qkv[k + ${c}u]; let x${c} = qkv[k + ${values - keys + c}u];`,
      ...rows.map(
        ({ r }) => `s${r} = fma(q${r}[${c}], y${c}, s${r}); u${r} = fma(d${r}[${c}], x${c}, u${r});`,
      ),
    ]),
    ...rows.map(
      ({ t, r }) =>
        `let w${r} = select(0.0, exp2(${total(`s${r}`)} - l${r}), ok${t}) * (${total(`u${r}`)} - i${r});`,
    ),
    ...range(chunks).flatMap((c) =>
      rows.map(({ r }) => `a${r}[${c}] = fma(${type}(w${r}), y${c}, a${r}[${c}]);`),
    ),
  ];
  const store = rows.map(({ t, r }) => {
    const line = eachChunk(chunks, `dQkv[at${r} + c] = a${r}[c] * ${float(scaleOf(shape))};`);
    return `if (first + ${t * lanes}u + lane < length) { ${line} }`;
  });
  const kernel: Kernel = {
    name: `attention d query ${shapeName(shape)}`,
    bindings: bindingsOf(storage),
    code: `${tileBegin(grid, lanes)}
${visibleStart(shape)}
${setUp.join('\n')}
for (var key = start; key < end; key++) {
${loop.join('\n')}
}
${store.join('\n')}
}`,
    workgroups: [1, 1, 1],
    flops: 0,
  };
  return { kernel, grid };
}

/** Writes the key and value heads of dQkv, for `dispatchTiles`. Bindings: sizes, qkv, segments, dOutput, logSums, inner, dQkv. */
export function keyValueGradientKernel(shape: AttentionShape, variant: AttentionVariant): TiledKernel {
  const { heads, kvHeads, headSize } = shape;
  const { lanes, keyRows } = variant;
  const group = heads / kvHeads;
  const { chunks, storage, zero, total, type } = headVector(headSize);
  const { stride, keys, values, outputStride } = layoutOf(shape);
  const grid: AttentionGrid = {
    headSets: kvHeads,
    blockTokens: lanes * keyRows,
    sees: 'after',
    flopsPerPair: 8 * headSize * group,
  };
  const rows = range(keyRows);
  const setUp = rows.flatMap((t) => [
    `let p${t} = min(first + ${t * lanes}u + lane, length - 1u);
let g${t} = segments[base + p${t}];
let at${t} = (base + p${t}) * ${stride}u + ${keys}u + kvHead * ${chunks}u;`,
    ...['k', 'v', 'a', 'b'].map((name) => `var ${name}${t}: array<${type}, ${chunks}>;`),
    eachChunk(
      chunks,
      `k${t}[c] = qkv[at${t} + c] * ${logScale(shape)}; v${t}[c] = qkv[at${t} + ${values - keys}u + c];`,
    ),
  ]);
  const loop = [
    ...rows.map((t) => `var s${t} = ${zero}; var u${t} = ${zero};`),
    ...range(chunks).flatMap((c) => [
      `let y${c} = qkv[q + ${c}u]; let x${c} = dOutput[d + ${c}u];`,
      ...rows.map((t) => `s${t} = fma(k${t}[${c}], y${c}, s${t}); u${t} = fma(v${t}[${c}], x${c}, u${t});`),
    ]),
    ...rows.map(
      (t) => `let w${t} = select(0.0, exp2(${total(`s${t}`)} - l), ok${t});
let f${t} = w${t} * (${total(`u${t}`)} - i);`,
    ),
    ...range(chunks).flatMap((c) =>
      rows.map(
        (t) => `a${t}[${c}] = fma(${type}(f${t}), y${c}, a${t}[${c}]);
b${t}[${c}] = fma(${type}(w${t}), x${c}, b${t}[${c}]);`,
      ),
    ),
  ];
  const store = rows.map((t) => {
    const line = eachChunk(
      chunks,
      `dQkv[at${t} + c] = a${t}[c] * ${float(scaleOf(shape))}; dQkv[at${t} + ${values - keys}u + c] = b${t}[c];`,
    );
    return `if (first + ${t * lanes}u + lane < length) { ${line} }`;
  });
  const kernel: Kernel = {
    name: `attention d key value ${shapeName(shape)}`,
    bindings: bindingsOf(storage),
    code: `${tileBegin(grid, lanes)}
let kvHead = headSet;
${seenStop(shape)}
${setUp.join('\n')}
for (var query = first; query < stop; query++) {
let e = segments[base + query];
${rows.map((t) => `let ok${t} = ${sees(shape, 'query', `p${t}`, 'e', `g${t}`)};`).join('\n')}
for (var h = 0u; h < ${group}u; h++) {
let head = kvHead * ${group}u + h;
let q = (base + query) * ${stride}u + head * ${chunks}u;
let d = (base + query) * ${outputStride}u + head * ${chunks}u;
let l = logSums[(base + query) * ${heads}u + head];
let i = inner[(base + query) * ${heads}u + head];
${loop.join('\n')}
}
}
${store.join('\n')}
}`,
    workgroups: [1, 1, 1],
    flops: 0,
  };
  return { kernel, grid };
}
