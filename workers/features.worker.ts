// Entry of the features worker: the composition root does the work, the host the talking.
import { startWorker } from '../src/rpc/worker-host';
import { composeFeatures } from '../src/services/compose-features';

startWorker('features', composeFeatures);
