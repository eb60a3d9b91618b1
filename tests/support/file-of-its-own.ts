// Before each file of the unit tests, which share their modules: what a file before it put in the place of a global is gone, and
// no database holds anything.
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { vi } from 'vitest';

vi.unstubAllGlobals();
globalThis.indexedDB = new IDBFactory();
