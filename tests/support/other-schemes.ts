// Our own decoder's graph as other exporters would have written it: other names, keys and values in one array, other orders of
// the sizes, halves in the cache. The same computation inside.
import type { OnnxModel, OnnxNode, OnnxValue } from '../../src/lib/formats/onnx';

export type Rewrite = (model: OnnxModel) => OnnxModel;

const PAST = /^past_key_values\.(\d+)\.(key|value)$/;
const PRESENT = /^present\.(\d+)\.(key|value)$/;

function renamed(model: OnnxModel, rename: (name: string) => string): OnnxModel {
  const values = (list: OnnxValue[]) => list.map((value) => ({ ...value, name: rename(value.name) }));
  return {
    ...model,
    inputs: values(model.inputs),
    outputs: values(model.outputs),
    nodes: model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
  };
}

const node = (
  name: string,
  opType: string,
  inputs: string[],
  output: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode => ({ name, opType, domain: '', inputs, outputs: [output], attributes });

/** By layer and kind, as `cache_k_0`. */
const named =
  (past: string, present: string): Rewrite =>
  (model) => {
    const fill = (pattern: string, layer: string, kind: string): string =>
      pattern.replace('%kind', kind).replace('%k', kind.slice(0, 1)).replace('%n', layer);
    return renamed(model, (name) => {
      const [, layer = '', kind = ''] = PAST.exec(name) ?? PRESENT.exec(name) ?? [];
      if (kind === '') return name;
      return fill(PAST.test(name) ? past : present, layer, kind);
    });
  };

/** Each cache input and output changed on its way in and out. */
function converted(
  model: OnnxModel,
  shape: (shape: OnnxValue['shape']) => OnnxValue['shape'],
  type: OnnxValue['type'],
  into: (from: string, to: string) => OnnxNode,
  outOf: (from: string, to: string) => OnnxNode,
): OnnxModel {
  const isCache = ({ name }: OnnxValue): boolean => PAST.test(name) || PRESENT.test(name);
  const inner = renamed(model, (name) => (PAST.test(name) || PRESENT.test(name) ? `inner.${name}` : name));
  const change = (list: OnnxValue[]) =>
    list.map((value) => (isCache(value) ? { ...value, type, shape: shape(value.shape) } : value));
  const pasts = model.inputs.filter(isCache).map(({ name }) => into(name, `inner.${name}`));
  const presents = model.outputs.filter(isCache).map(({ name }) => outOf(`inner.${name}`, name));
  return {
    ...inner,
    inputs: change(model.inputs),
    outputs: change(model.outputs),
    nodes: [...pasts, ...inner.nodes, ...presents],
  };
}

const FLOAT = 1;
const HALF = 10;

const inHalves: Rewrite = (model) =>
  converted(
    model,
    (shape) => shape,
    'float16',
    (from, to) => node(`${to}/Cast`, 'Cast', [from], to, { to: { int: FLOAT } }),
    (from, to) => node(`${to}/Cast`, 'Cast', [from], to, { to: { int: HALF } }),
  );

/** [batch, tokens, heads, size] */
const tokensFirst: Rewrite = (model) => {
  const turn = (from: string, to: string): OnnxNode =>
    node(`${to}/Transpose`, 'Transpose', [from], to, { perm: { ints: [0, 2, 1, 3] } });
  return converted(
    model,
    ([batch = 1, heads = 1, tokens = 1, size = 1]) => [batch, tokens, heads, size],
    'float',
    turn,
    turn,
  );
};

/** Keys and values of a layer in one array of rank 5, [2, batch, heads, tokens, size]. */
const together: Rewrite = (model) => {
  const layers = model.inputs.filter(({ name }) => /^past.*key$/.test(name)).length;
  const cacheOf = (list: OnnxValue[], pattern: RegExp, name: string): OnnxValue[] => {
    const one = list.find((value) => pattern.test(value.name));
    const shape: OnnxValue['shape'] = [2, ...(one?.shape ?? [])];
    return Array.from({ length: layers }, (_, n) => ({
      name: `${name}_${n}`,
      type: 'float' as const,
      shape,
    }));
  };
  const index = (value: number) => ({
    name: `index_${value}`,
    type: 'int64' as const,
    shape: [],
    chunks: () => [new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)],
  });
  const axes = { ...index(0), name: 'axes_0', shape: [1] };
  const first: OnnxNode[] = [];
  const last: OnnxNode[] = [];
  for (let n = 0; n < layers; n += 1) {
    const parts = ['key', 'value'].map((kind, i) => {
      const [past, present] = [`past_key_values.${n}.${kind}`, `present.${n}.${kind}`];
      first.push(node(`${past}/Gather`, 'Gather', [`past_${n}`, `index_${i}`], past, { axis: { int: 0 } }));
      last.push(node(`${present}/Unsqueeze`, 'Unsqueeze', [present, 'axes_0'], `${present}.one`));
      return `${present}.one`;
    });
    last.push(node(`present_${n}/Concat`, 'Concat', parts, `present_${n}`, { axis: { int: 0 } }));
  }
  return {
    ...model,
    inputs: [...model.inputs.filter(({ name }) => !PAST.test(name)), ...cacheOf(model.inputs, PAST, 'past')],
    outputs: [
      ...model.outputs.filter(({ name }) => !PRESENT.test(name)),
      ...cacheOf(model.outputs, PRESENT, 'present'),
    ],
    nodes: [...first, ...model.nodes, ...last],
    arrays: [...model.arrays, index(0), index(1), axes],
  };
};

/** Sizes that nobody named, as some exporters leave them. */
const withoutSizes: Rewrite = (model) => {
  const open = (list: OnnxValue[]) =>
    list.map((value) => ({
      ...value,
      shape: value.shape.map((size) => (typeof size === 'string' ? '' : size)),
    }));
  return { ...model, inputs: open(model.inputs), outputs: open(model.outputs) };
};

/** An input of merged exports, which ours has no use for. */
const withBranch: Rewrite = (model) => ({
  ...model,
  inputs: [...model.inputs, { name: 'use_cache_branch', type: 'bool', shape: [1] }],
});

/** In the graph's order, and nothing else to go by. */
const lettered: Rewrite = (model) => {
  const names = new Map<string, string>();
  const note = (list: OnnxValue[], pattern: RegExp, prefix: string): void =>
    list
      .filter(({ name }) => pattern.test(name))
      .forEach(({ name }, index) => names.set(name, `${prefix}_${String.fromCharCode(97 + index)}`));
  note(model.inputs, PAST, 'taken');
  note(model.outputs, PRESENT, 'given');
  return renamed(model, (name) => names.get(name) ?? name);
};

const chained =
  (...rewrites: Rewrite[]): Rewrite =>
  (model) =>
    rewrites.reduce((changed, rewrite) => rewrite(changed), model);

export interface OtherScheme {
  name: string;
  rewrite: Rewrite;
  /** Halves round. */
  exact: boolean;
}

export const OTHER_SCHEMES: readonly OtherScheme[] = [
  {
    name: 'past_key_values.0.decoder.key, present.0.decoder.key, use_cache_branch',
    rewrite: chained(named('past_key_values.%n.decoder.%kind', 'present.%n.decoder.%kind'), withBranch),
    exact: true,
  },
  { name: 'past_key_0, present_key_0', rewrite: named('past_%kind_%n', 'present_%kind_%n'), exact: true },
  { name: 'past_0, present_0 of rank 5', rewrite: together, exact: true },
  {
    name: 'cache_k_0, new_cache_k_0 in halves',
    rewrite: chained(inHalves, named('cache_%k_%n', 'new_cache_%k_%n')),
    exact: false,
  },
  {
    name: 'tokens before heads, no size named',
    rewrite: chained(tokensFirst, named('kv_%n_%kind', 'kv_out_%n_%kind'), withoutSizes),
    exact: true,
  },
  { name: 'names that tell nothing', rewrite: lettered, exact: true },
];
