// Side effect only: puts an IndexedDB that lives in memory in the place of this realm's own. Loaded where that refuses.
import 'fake-indexeddb/auto';

export {};
