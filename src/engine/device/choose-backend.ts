// Which backend to run on, from what was found and measured. Pure: the device does the finding.
import type { BackendChoice, BackendName, DeviceReport } from '../../protocol/engine';

export interface BackendFacts {
  adapter: DeviceReport['adapter'];
  measuredGflops: Partial<Record<BackendName, number>>;
}

export interface BackendDecision {
  backend: BackendName;
  /** One sentence for people. */
  reason: string;
}

const NAMES: Record<BackendName, string> = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'plain JavaScript' };

const rate = (gflops: number | undefined): string =>
  gflops === undefined ? 'not measured' : `${gflops < 10 ? gflops.toFixed(1) : gflops.toFixed(0)} GFLOP/s`;

function fallback({ adapter, measuredGflops }: BackendFacts): BackendDecision {
  const why = adapter === null ? 'no WebGPU adapter was found' : 'WebGPU did not run';
  return measuredGflops.wasm === undefined
    ? { backend: 'cpu', reason: `Plain JavaScript: ${why} and WebAssembly did not load.` }
    : { backend: 'wasm', reason: `WebAssembly (${rate(measuredGflops.wasm)}): ${why}.` };
}

function automatic(facts: BackendFacts): BackendDecision {
  const { adapter, measuredGflops } = facts;
  const { webgpu, wasm } = measuredGflops;
  if (adapter === null || webgpu === undefined) return fallback(facts);
  if (wasm === undefined)
    return { backend: 'webgpu', reason: `WebGPU (${rate(webgpu)}): WebAssembly did not load.` };
  const rates = `${rate(webgpu)} on WebGPU, ${rate(wasm)} on WebAssembly`;
  if (webgpu > wasm) return { backend: 'webgpu', reason: `WebGPU is the faster one here: ${rates}.` };
  const kind = adapter.software ? 'the WebGPU adapter is software, not a GPU' : 'WebGPU is slower here';
  return { backend: 'wasm', reason: `WebAssembly: ${kind} (${rates}).` };
}

/** A chosen backend that is there is taken; without it, and for `auto`, the measurement decides. */
export function chooseBackend(choice: BackendChoice, facts: BackendFacts): BackendDecision {
  if (choice === 'auto') return automatic(facts);
  if (choice === 'cpu' || facts.measuredGflops[choice] !== undefined) {
    return { backend: choice, reason: `${NAMES[choice]} was chosen in the settings.` };
  }
  const instead = automatic(facts);
  return {
    backend: instead.backend,
    reason: `${NAMES[choice]} was chosen but did not start here. ${instead.reason}`,
  };
}
