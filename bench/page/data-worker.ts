// Entry of the worker that data is measured in.
import { expose, proxy } from 'comlink';
import { DataRig } from './data-rig';

const entry = { open: async () => proxy(await DataRig.open()) };

export type DataWorker = typeof entry;

expose(entry);
