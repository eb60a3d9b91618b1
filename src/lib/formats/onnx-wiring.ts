// Whether the operators of an ONNX graph can be run one after the other: each value is made once, by an input, a weight or an
// operator, and none needs itself. Pure.
import { badOnnx } from './onnx-faults';

interface Wired {
  name: string;
  opType: string;
  inputs: readonly string[];
  outputs: readonly string[];
}

export interface Wiring {
  /** Of the graph, weights among them. */
  given: Iterable<string>;
  nodes: readonly Wired[];
  outputs: readonly string[];
}

/**
 * @returns values that are taken and not made here: those of the graph around a subgraph.
 * @throws AppError `model.bad-header` for a value that is made twice, and for operators in a circle.
 */
export function freeValues({ given, nodes, outputs }: Wiring): Set<string> {
  const makers = new Map<string, number>();
  const known = new Set(given);
  nodes.forEach((node, index) => {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (known.has(name) || makers.has(name)) throw badOnnx(`${name} is made twice`, { name });
      makers.set(name, index);
    }
  });
  checkOrder(nodes, makers);
  const free = new Set<string>();
  for (const name of [...nodes.flatMap(({ inputs }) => inputs), ...outputs]) {
    if (name !== '' && !known.has(name) && !makers.has(name)) free.add(name);
  }
  return free;
}

/** For a graph that has none around it. @throws AppError `model.bad-header` as `freeValues`, and for a value that nobody makes. */
export function checkWiring(wiring: Wiring): void {
  const free = freeValues(wiring);
  const [name] = free;
  if (name === undefined) return;
  const taker = wiring.nodes.find(({ inputs }) => inputs.includes(name));
  throw badOnnx(
    taker === undefined
      ? `it gives ${name}, which nothing makes`
      : `${taker.opType} ${taker.name} takes ${name}, which nothing makes`,
    { name },
  );
}

/** Takes away what can be run until nothing is left (Kahn 1962). */
function checkOrder(nodes: readonly Wired[], makers: ReadonlyMap<string, number>): void {
  const takers = nodes.map((): number[] => []);
  const waitingFor = nodes.map(({ inputs }, index) => {
    const needed = new Set(inputs.flatMap((name) => makers.get(name) ?? []));
    for (const maker of needed) takers[maker]?.push(index);
    return needed.size;
  });
  const ready = waitingFor.flatMap((count, index) => (count === 0 ? [index] : []));
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    for (const taker of takers[next] ?? []) {
      const left = (waitingFor[taker] ?? 0) - 1;
      waitingFor[taker] = left;
      if (left === 0) ready.push(taker);
    }
  }
  const stuck = nodes.find((_, index) => (waitingFor[index] ?? 0) > 0);
  if (stuck === undefined) return;
  throw badOnnx(`its operators go round in a circle: ${stuck.opType} ${stuck.name} can never run`, {
    node: stuck.name,
  });
}
