// What to paste into a report: versions, device, speed, workers. No names of models or datasets, nothing the user wrote.
import type { DeviceReport, EngineMemory } from '../../../protocol/engine';
import { PROTOCOL_VERSION, type WorkerInfo } from '../../../protocol/workers';
import { version } from '../../version';

export interface Diagnostics {
  report: DeviceReport | null;
  memory: EngineMemory | null;
  workers: readonly WorkerInfo[];
}

export function diagnosticsReport({ report, memory, workers }: Diagnostics): string {
  const facts = {
    fragua: version,
    protocol: PROTOCOL_VERSION,
    userAgent: navigator.userAgent,
    crossOriginIsolated: globalThis.crossOriginIsolated,
    logicalProcessors: navigator.hardwareConcurrency,
    device: report,
    memory,
    workers: workers.map(({ kind, status, restarts }) => ({ kind, status, restarts })),
  };
  return JSON.stringify(facts, null, 2);
}
