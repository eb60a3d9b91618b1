// ONNX models on their way in, as a user's import takes them, and what they answer as graphs.
import { modelFileName } from '../../src/core/model-file-name';
import { graphWays, type GraphMachine } from '../../src/models/onnx/graph-ways';
import { ModelFiles } from '../../src/models';
import type { LoadedModel } from '../../src/models/loaded-model';
import type { ModelRecord, NamedFile } from '../../src/protocol/models';
import { greedy, type Answer, type TinyModel } from './tiny-model';

export const ON_CPU: GraphMachine = { device: null, threads: 1 };

type Store = Pick<TinyModel, 'blobs' | 'families'>;

export function graphFiles({ blobs, families }: Store, machine = ON_CPU): ModelFiles {
  const graphs = () => graphWays(machine);
  return new ModelFiles({ blobs, families, plans: () => null, memoryLimitBytes: () => null, graphs });
}

/** Stores files as an import does. @param graphs names of `.onnx` files and of their weights; all where left out. */
export async function importOnnx(
  store: Store,
  files: ReadonlyMap<string, Blob>,
  graphs: readonly string[] | null = null,
): Promise<ModelRecord> {
  const named = [...files]
    .map(([path, blob]): NamedFile => ({ name: modelFileName(path), blob }))
    .filter(({ name }) => graphs === null || !name.includes('.onnx') || graphs.includes(name));
  const inspection = await graphFiles(store).inspectModel(named);
  const folder = 'models/graph';
  await store.blobs.remove(folder);
  for (const { name, blob } of inspection.files) await store.blobs.write(`${folder}/${name}`, blob);
  return {
    ...inspection.facts,
    id: 'graph',
    name: 'Graph',
    origin: 'imported',
    location: { kind: 'blob', folder },
    installedAt: 0,
  };
}

export async function withOnnx<T>(
  store: Store,
  record: ModelRecord,
  use: (model: LoadedModel) => Promise<T>,
  machine = ON_CPU,
): Promise<T> {
  const model = await graphFiles(store, machine).load(record);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

export function onnxAnswer(
  store: Store,
  record: ModelRecord,
  prompt: readonly number[],
  count: number,
  machine = ON_CPU,
): Promise<Answer> {
  return withOnnx(
    store,
    record,
    async (model) => {
      const session = model.createSession(null);
      try {
        return await greedy(session, prompt, count);
      } finally {
        session.dispose();
      }
    },
    machine,
  );
}
