// Entry of the engine worker: the composition root does the work, the host the talking.
import { startWorker } from '../src/rpc/worker-host';
import { composeEngine } from '../src/services/compose-engine';

startWorker('engine', composeEngine);
