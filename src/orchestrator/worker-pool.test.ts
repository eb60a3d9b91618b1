import { describe, expect, test } from 'vitest';
import { WorkerPool } from './worker-pool';

function poolOf(...kinds: ('engine' | 'data')[]) {
  const pool = new WorkerPool();
  const ids = kinds.map((kind) => pool.register({ kind, capabilities: [`do-${kind}`], version: 1 }));
  return { pool, ids };
}

describe('worker pool', () => {
  test('discover: only healthy ones', () => {
    const { pool, ids } = poolOf('engine', 'engine');
    expect(pool.discover()).toBeNull();
    pool.heartbeat(ids[1] ?? '', 5);
    expect(pool.discover()).toMatchObject({ id: ids[1], lastHeartbeat: 5, status: 'healthy' });
    pool.setStatus(ids[1] ?? '', 'unresponsive');
    expect(pool.discover()).toBeNull();
  });

  test('discover: each in turn', () => {
    const { pool, ids } = poolOf('engine', 'engine', 'data');
    ids.forEach((id) => pool.heartbeat(id, 1));
    const turns = [1, 2, 3].map(() => pool.discover({ kind: 'engine' })?.id);
    expect(turns).toEqual([ids[0], ids[1], ids[0]]);
  });

  test('discover: capability and version must fit', () => {
    const { pool, ids } = poolOf('engine', 'data');
    ids.forEach((id) => pool.heartbeat(id, 1));
    expect(pool.discover({ capabilities: ['do-data'] })?.id).toBe(ids[1]);
    expect(pool.discover({ capabilities: ['do-data', 'do-engine'] })).toBeNull();
    expect(pool.discover({ version: 2 })).toBeNull();
  });

  test('deregister: gone from the list, late beats are ignored, listeners hear it', () => {
    const { pool, ids } = poolOf('engine');
    const seen: number[] = [];
    pool.workers.subscribe((workers) => seen.push(workers.length));
    pool.deregister(ids[0] ?? '');
    pool.heartbeat(ids[0] ?? '', 1);
    expect(seen).toEqual([1, 0]);
  });
});
