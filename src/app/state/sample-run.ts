// The road of the first minute: a sample dataset, a short LoRA run on the model that ships, and off to watch it.
import { AppError } from '../../lib/errors';
import type { TrainingConfig } from '../../protocol/training';
import { t } from '../i18n/index.svelte';
import type { AppServices } from './app-context';

export const SAMPLE_DATASET = 'forge-answers';

/** Goes to the run that trains already, or starts one. Errors are shown, with a way to try again. */
export async function startSampleRun(app: AppServices): Promise<boolean> {
  const { clients, library, activity, router, preferences, dialogs } = app;
  try {
    if (activity.run === null) {
      await library.refresh();
      const model = library.models.find(({ origin }) => origin === 'embedded') ?? library.models[0];
      if (model === undefined) throw noModel(library.error);
      const dataset = await clients.data.addSampleDataset(SAMPLE_DATASET);
      await clients.engine.startRun(sampleRunConfig(model.id, dataset.id));
    }
    preferences.set({ welcomed: true });
    router.go('#/tune');
    return true;
  } catch (error) {
    dialogs.error(error, {
      title: t('welcome.learnFailed'),
      actions: [{ label: t('common.retry'), run: () => void startSampleRun(app) }],
    });
    return false;
  }
}

function noModel(cause: unknown): unknown {
  if (cause !== null) return cause;
  return new AppError('model.unknown', 'No model is installed.', { remedy: 'Import one under Models.' });
}

export function sampleRunConfig(modelId: string, datasetId: string): TrainingConfig {
  return {
    name: t('welcome.runName'),
    modelId,
    startFromAdapterId: null,
    datasetId,
    method: 'lora',
    lora: { rank: 8, alpha: 16, dropout: 0, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] },
    epochs: 3,
    maxSteps: 60,
    batchSize: 4,
    gradientAccumulation: 1,
    sequenceLength: 128,
    packing: true,
    trainOn: 'assistant',
    evalShare: 0.1,
    learningRate: 0.002,
    schedule: 'cosine',
    warmupRatio: 0.05,
    weightDecay: 0,
    maxGradNorm: 1,
    emaDecay: null,
    evalInterval: 15,
    earlyStoppingPatience: null,
    checkpointInterval: 15,
    keepCheckpoints: 3,
    samplePrompts: [],
    seed: 42,
  };
}
