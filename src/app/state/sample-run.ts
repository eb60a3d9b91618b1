// The road of the first minute: a sample dataset, a short LoRA run on the model that ships, and off to watch it.
import { mergeDeep } from '../../core/config/merge';
import { presets } from '../../core/config/presets';
import { trainingDefaults, type TrainingDefaults } from '../../core/config/training-config';
import { AppError } from '../../lib/errors';
import type { TrainingConfig } from '../../protocol/training';
import { t } from '../i18n/index.svelte';
import type { AppServices } from './app-context';
import { SMALL_MODEL_RATE } from './suggested-rate';

export const SAMPLE_DATASET = 'forge-answers';

const SAMPLE_RUN = {
  maxSteps: 60,
  batchSize: 8,
  sequenceLength: 128,
  learningRate: SMALL_MODEL_RATE,
  warmupRatio: 0.1,
  evalInterval: 20,
  checkpointInterval: 20,
  samplePrompts: ['How do I know the iron is hot enough?'],
} satisfies Partial<TrainingConfig>;

/** Goes to the run that trains already, or starts one. Errors are shown, with a way to try again. */
export async function startSampleRun(app: AppServices): Promise<boolean> {
  const { clients, library, activity, router, preferences, dialogs } = app;
  try {
    if (activity.run === null) {
      await library.refresh();
      const model = library.models.find(({ origin }) => origin === 'embedded') ?? library.trainable[0];
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

/** The `lora_fast` preset, short and at the rate that small models learn at. */
export function sampleRunConfig(modelId: string, datasetId: string): TrainingConfig {
  const preset = mergeDeep(trainingDefaults, presets.lora_fast.training ?? {}) as TrainingDefaults;
  return {
    ...preset,
    ...SAMPLE_RUN,
    name: t('welcome.runName'),
    modelId,
    datasetId,
    startFromAdapterId: null,
  };
}
