// The ways in which onnxruntime can run a graph on this machine: on the GPU that is there, and on the CPU with the threads that
// the page may have. Each way loads its build of the runtime when it is first taken.
import { GraphRunner } from '../../engine/ort/graph-runner';
import { loadOrt } from '../../engine/ort/load-ort';
import type { GraphFiles, GraphWay } from './load-graph';

/** A few on a CPU, where they take time and kernels are tried ones; on a GPU a prompt of more than one tile. */
const CHECKED_ON_CPU = 4;
const CHECKED_ON_GPU = 40;

export interface GraphMachine {
  /** null where there is none, or it is not to be used. */
  device: GPUDevice | null;
  threads: number;
}

export function graphWays({ device, threads }: GraphMachine): GraphWay[] {
  const cpu: GraphWay = {
    provider: 'wasm',
    checkedTokens: CHECKED_ON_CPU,
    open: (files) => openOn(files, null, threads),
  };
  if (device === null) return [cpu];
  const gpu: GraphWay = {
    provider: 'webgpu',
    checkedTokens: CHECKED_ON_GPU,
    open: (files) => openOn(files, device, 1),
  };
  return [gpu, cpu];
}

async function openOn(
  { graph, data, kept }: GraphFiles,
  device: GPUDevice | null,
  threads: number,
): Promise<GraphRunner> {
  const ort = await loadOrt(device === null ? 'wasm' : 'webgpu', threads);
  const bytes = new Uint8Array(await graph.arrayBuffer());
  return GraphRunner.open(ort, { graph: bytes, data }, device, kept);
}
