// What the creator of a backend is given. Creators are registered by the backend's `type`; plugins add theirs the same way.
import type { RetryLimits } from '../../lib/download/retry-policy';
import type { TransferClock } from '../../lib/download/transfer';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { BackendConfigJson, BackendSecrets } from '../../protocol/backends';
import type { ChosenFolder } from './folder-store';

export interface BackendOptions {
  /** Checked by its schema before. */
  config: BackendConfigJson;
  /** Used for requests; never kept elsewhere, told or logged. */
  secrets: BackendSecrets;
  /** What was chosen on the page for it; null where nothing was, or the tab that had it is gone. */
  folder: ChosenFolder | null;
  /** Where what is fetched may be kept. */
  blobs: BlobStore;
  /** Of the Hugging Face hub or a mirror of it, without a slash at its end; the hub's own where this is absent. */
  hubEndpoint?: string | undefined;
  fetch: typeof fetch;
  clock: TransferClock;
  online: () => boolean;
  retries?: RetryLimits;
}
