// Entry of the data worker: the composition root does the work, the host the talking.
import { startWorker } from '../src/rpc/worker-host';
import { composeData } from '../src/services/compose-data';

startWorker('data', composeData);
