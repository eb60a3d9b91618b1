// What every worker answers, and what the supervisor knows of it.

export type WorkerKind = 'engine' | 'data' | 'features';

/** Rises when a call's shape changes: page and worker of different builds refuse each other. */
export const PROTOCOL_VERSION = 1;

export interface WorkerHealth {
  kind: WorkerKind;
  healthy: boolean;
  /** What it is doing, for people: `idle`, `training`, `generating`, ... */
  activity: string;
  uptimeMs: number;
  protocolVersion: number;
  services: string[];
}

export type WorkerStatus = 'starting' | 'healthy' | 'unresponsive' | 'restarting' | 'dead';

export interface WorkerInfo {
  id: string;
  kind: WorkerKind;
  status: WorkerStatus;
  capabilities: string[];
  lastHeartbeat: number | null;
  restarts: number;
}

/** Every worker's API starts with these. */
export interface WorkerApi {
  health(): Promise<WorkerHealth>;
}
