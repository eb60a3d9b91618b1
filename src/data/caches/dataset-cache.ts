// Which store a dataset's values go to by the configurations, and how they are kept in it. Pure.
import type { BackendConfigJson } from '../../protocol/backends';
import type { DatasetCache } from '../../protocol/datasets';

export const DEFAULT_CACHE: DatasetCache = { readOnly: false, compress: false };

/** What the schemas have where nothing is written. */
const WRITTEN_AT_ONCE = 128;
const ENCODED_AT_ONCE = 1;

/** The store of this kind that `backend` names, or the default one; null where there is none of both. */
export function storeOf(
  backend: { readonly text_embeds?: unknown; readonly image_embeds?: unknown },
  configs: readonly BackendConfigJson[],
  kind: 'text_embeds' | 'image_embeds',
): BackendConfigJson | null {
  const named = backend[kind];
  const stores = configs.filter((config) => config['dataset_type'] === kind);
  const store = stores.find((config) =>
    named === undefined ? config['default'] === true : config.id === named,
  );
  return store ?? null;
}

/** What a dataset says goes before what its store says; each can keep values from being written, or have them packed. */
export function mergedCache(own: DatasetCache, store: BackendConfigJson | null): DatasetCache {
  const { writeBatchSize = WRITTEN_AT_ONCE, encodedAtOnce } = own;
  const written = numberIn(store, 'write_batch_size');
  const encoded = numberIn(store, 'text_encoder_batch_size');
  const atOnce = encodedAtOnce === ENCODED_AT_ONCE ? (encoded ?? encodedAtOnce) : encodedAtOnce;
  return {
    readOnly:
      own.readOnly || ['text_cache_disable', 'vae_cache_disable'].some((key) => store?.[key] === true),
    compress: own.compress || store?.['compress_cache'] === true,
    writeBatchSize: writeBatchSize === WRITTEN_AT_ONCE ? (written ?? writeBatchSize) : writeBatchSize,
    ...(atOnce === undefined ? {} : { encodedAtOnce: atOnce }),
  };
}

function numberIn(config: BackendConfigJson | null, key: string): number | null {
  const value = config?.[key];
  return typeof value === 'number' ? value : null;
}
