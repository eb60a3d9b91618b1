import { describe, expect, it } from 'vitest';
import type { LoadedEmbedder, LoadedPictureEncoder } from '../models/loaded-embedder';
import type { ModelRecord } from '../protocol/models';
import { toyModelRecord } from '../inference/testing/toy-language-model';
import { EmbeddingService } from './embedding-service';

function createBench() {
  const log: string[] = [];
  const recordOf = (id: string): ModelRecord => ({ ...toyModelRecord, id, task: 'embedding' });
  const loadEmbedder = (record: ModelRecord): Promise<LoadedEmbedder> => {
    log.push(`load ${record.id}`);
    const vectors = [Float32Array.of(1)];
    return Promise.resolve({
      record,
      embed: () => Promise.resolve({ dimensions: 1, vectors, truncated: [] }),
      dispose: () => void log.push(`dispose ${record.id}`),
    });
  };
  const loadPictureEncoder = (record: ModelRecord): Promise<LoadedPictureEncoder> => {
    log.push(`load ${record.id}`);
    return Promise.resolve({
      record,
      encodePixels: ({ shape }) => {
        const vectors = Array.from({ length: shape[0] }, () => Float32Array.of(7));
        return Promise.resolve({ dimensions: 1, vectors, truncated: [] });
      },
      dispose: () => void log.push(`dispose ${record.id}`),
    });
  };
  const service = new EmbeddingService({
    catalog: { findModel: (id) => Promise.resolve(recordOf(id)) },
    backend: { loadEmbedder, loadPictureEncoder },
    exclusive: (work) => work(),
  });
  return { service, log };
}

describe('embedding service', () => {
  it('embedding service: pixels go to an encoder of pictures, which takes the place of the last model', async () => {
    const { service, log } = createBench();
    await service.embed('a', ['x']);
    const pixels = { kind: 'pixels', shape: [2, 3, 1, 1], values: new Float32Array(6) } as const;
    expect((await service.encode('v', pixels)).vectors).toEqual([Float32Array.of(7), Float32Array.of(7)]);
    await service.encode('v', pixels);
    await service.encode('a', { kind: 'texts', texts: ['x'] });
    await service.forget('v');
    expect(log).toEqual(['load a', 'dispose a', 'load v', 'dispose v', 'load a']);
  });

  it('embedding service: the last model stays, another one takes its place', async () => {
    const { service, log } = createBench();
    await Promise.all([service.embed('a', ['x']), service.embed('a', ['y'])]);
    await service.embed('b', ['x']);
    expect(log).toEqual(['load a', 'dispose a', 'load b']);
    expect(service.busy).toBe(false);
  });

  it('embedding service: a model that is deleted goes, others stay', async () => {
    const { service, log } = createBench();
    await service.embed('a', ['x']);
    await service.forget('b');
    await service.forget('a');
    await service.forget('a');
    expect(log).toEqual(['load a', 'dispose a']);
  });
});
