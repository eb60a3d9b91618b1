// The record of the model that ships with the site. A small record.json beside the weights states it; without one
// the weights are hashed once. Either way it is kept in the `models` store, so that it is known with the network off.
import * as v from 'valibot';
import type { Database } from '../core/database';
import type { ModelRecord } from '../protocol/models';

export const EMBEDDED_MODEL_ID = 'chispa';
const EMBEDDED_MODEL_NAME = 'Chispa';

const describedModel = v.object({
  name: v.optional(v.string(), EMBEDDED_MODEL_NAME),
  parameters: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  dtype: v.picklist(['F32', 'F16', 'BF16']),
  contextLength: v.pipe(v.number(), v.integer(), v.minValue(1)),
  license: v.optional(v.nullable(v.string()), null),
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
type DescribedModel = v.InferOutput<typeof describedModel>;

const configFields = v.object({ max_position_embeddings: v.pipe(v.number(), v.integer(), v.minValue(1)) });
const tensorFields = v.record(
  v.string(),
  v.object({ dtype: v.picklist(['F32', 'F16', 'BF16']), shape: v.array(v.number()) }),
);

/** @returns null where the site ships no model. */
export async function readEmbeddedRecord(database: Database, baseUrl: string): Promise<ModelRecord | null> {
  const stored = await database.get('models', EMBEDDED_MODEL_ID);
  const described =
    (await readDescription(baseUrl)) ?? (stored === undefined ? await hashWeights(baseUrl) : null);
  if (described === null) return stored ?? null;
  if (stored?.fingerprint === described.fingerprint && stored.name === described.name) return stored;
  const record: ModelRecord = {
    ...described,
    id: EMBEDDED_MODEL_ID,
    family: 'llama',
    origin: 'embedded',
    location: { kind: 'url', baseUrl },
    installedAt: Date.now(),
  };
  await database.put('models', record);
  return record;
}

/** A missing file, a page sent in its place and an unreachable site all mean: not described. */
async function readDescription(baseUrl: string): Promise<DescribedModel | null> {
  const content = await readJson(`${baseUrl}/record.json`);
  const parsed = v.safeParse(describedModel, content);
  return parsed.success ? parsed.output : null;
}

async function readJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url);
    return response.ok ? ((await response.json()) as unknown) : null;
  } catch {
    return null;
  }
}

async function hashWeights(baseUrl: string): Promise<DescribedModel | null> {
  const config = v.safeParse(configFields, await readJson(`${baseUrl}/config.json`));
  if (!config.success) return null;
  const response = await fetch(`${baseUrl}/model.safetensors`);
  if (!response.ok) return null;
  const bytes = await response.arrayBuffer();
  const tensors = readTensors(bytes);
  const first = Object.values(tensors)[0];
  if (first === undefined) return null;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return {
    name: EMBEDDED_MODEL_NAME,
    parameters: Object.values(tensors).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    sizeBytes: bytes.byteLength,
    dtype: first.dtype,
    contextLength: config.output.max_position_embeddings,
    license: null,
    fingerprint: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  };
}

/** The header of a safetensors file: 8 bytes of length, then JSON. */
function readTensors(bytes: ArrayBuffer): v.InferOutput<typeof tensorFields> {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length))) as Record<
    string,
    unknown
  >;
  delete header['__metadata__'];
  return v.parse(tensorFields, header);
}
