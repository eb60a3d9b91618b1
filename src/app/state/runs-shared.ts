// The states that the Fine-tune and Data screens share for as long as the page lives. They are made with the first
// visit, so that nothing of them is in the first view's bundle.
import { trainingDefaults } from '../../core/config/training-config';
import { t } from '../i18n/index.svelte';
import type { AppServices } from './app-context';
import { BackendFolders } from './backend-folders';
import { BackendsState } from './backends.svelte';
import { readSampleDatasets } from './datasets-samples';
import { DatasetsState } from './datasets.svelte';
import { EncodingsState } from './encodings.svelte';
import { RunDraft } from './runs-draft.svelte';
import { StoredMetrics } from './runs-metrics';
import { RunsState } from './runs.svelte';

export interface TuneStates {
  readonly runs: RunsState;
  readonly datasets: DatasetsState;
  readonly backends: BackendsState;
  readonly encodings: EncodingsState;
  readonly draft: RunDraft;
}

const made = new WeakMap<AppServices, TuneStates>();

export function tuneStates(app: AppServices): TuneStates {
  const known = made.get(app);
  if (known !== undefined) return known;
  const { clients, database } = app;
  const datasets = new DatasetsState(clients.data, () => readSampleDatasets(import.meta.env.BASE_URL));
  const encodings = new EncodingsState(clients.engine);
  const states = {
    runs: new RunsState(clients.engine, clients.bus, new StoredMetrics(database)),
    datasets,
    encodings,
    backends: new BackendsState({
      client: clients.data,
      secrets: app.backendSecrets,
      folders: new BackendFolders(database, window),
      onDatasets: () => datasets.refresh(),
      onBuilt: (dataset) => void encodings.encodeBuilt(dataset, app.library.models),
      connectStore: (id, secrets) => clients.data.connectStore(id, secrets),
      onStoreOff: (id) => app.toasts.show({ tone: 'warn', title: t('data.cacheStoreOff', { name: id }) }),
      hasDataset: (id) => datasets.dataset(id) !== null,
    }),
    draft: new RunDraft({
      ...(app.settings?.current.training ?? trainingDefaults),
      name: '',
      modelId: '',
      startFromAdapterId: null,
      datasetId: '',
    }),
  };
  made.set(app, states);
  void states.backends.connectStores();
  return states;
}
