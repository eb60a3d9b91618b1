// What a backend's configuration is: one shape for each kind of data in each place, told apart by dataset_type and type. The
// shapes share their settings by building on the same groups; types, checks, forms and the reference are made of them.
import * as v from 'valibot';
import { type DatasetType } from './dataset-types';
import { section } from './field';
import { embedStoreFields, encoderFields, imageCacheFields, textCacheFields } from './fields/cache-fields';
import { captionDropoutFields, captionFields, captionFilterFields } from './fields/caption-fields';
import { imageFields } from './fields/image-fields';
import { metadataFields } from './fields/metadata-fields';
import { evaluationFields, samplingFields, sourceDatasetFields } from './fields/sampling-fields';
import { sharedFields } from './fields/shared-fields';
import {
  awsFields,
  csvFields,
  huggingfaceFields,
  localFields,
  localStoreFields,
  memoryStoreFields,
} from './fields/source-fields';
import { lengthFields, textFields } from './fields/text-fields';

const dataset = { ...sharedFields, ...metadataFields, ...captionFields };

/** Settings by what a backend holds, without those of its place. */
export const datasetEntries = {
  text: { ...dataset, ...samplingFields, ...textFields, ...textCacheFields },
  eval: { ...dataset, ...evaluationFields, ...textFields, ...textCacheFields },
  embeddings: {
    ...dataset,
    ...encoderFields,
    ...sourceDatasetFields,
    ...textFields,
    ...textCacheFields,
  },
  caption: { ...dataset, ...samplingFields, ...captionDropoutFields, ...lengthFields, ...textCacheFields },
  image: {
    ...dataset,
    ...samplingFields,
    ...captionDropoutFields,
    ...imageFields,
    ...encoderFields,
    ...imageCacheFields,
    ...textCacheFields,
  },
  text_embeds: { ...sharedFields, ...embedStoreFields, ...textCacheFields, ...captionFilterFields },
  image_embeds: { ...sharedFields, ...embedStoreFields, ...imageCacheFields },
} satisfies Record<DatasetType, v.ObjectEntries>;

/** Settings by place, of a place that data is read from. */
export const sourceEntries = {
  local: localFields,
  memory: {},
  aws: awsFields,
  csv: csvFields,
  huggingface: huggingfaceFields,
};

/** Settings by place, of a place that a cache is kept in. */
export const storeEntries = { local: localStoreFields, memory: memoryStoreFields, aws: awsFields };

export type BackendType = keyof typeof sourceEntries;
export const BACKEND_TYPES: readonly BackendType[] = ['local', 'memory', 'aws', 'csv', 'huggingface'];

/** What a plugin's place can hold. */
export const PLUGIN_DATASET_TYPES = ['text'] as const;
export type PluginDatasetType = (typeof PLUGIN_DATASET_TYPES)[number];

/** Which places each kind of data can lie in. */
export const PLACES = {
  text: ['local', 'aws', 'csv', 'huggingface'],
  eval: ['local', 'aws', 'csv', 'huggingface'],
  embeddings: ['local', 'aws', 'csv', 'huggingface'],
  caption: ['local', 'aws', 'huggingface'],
  image: ['local', 'aws', 'csv', 'huggingface'],
  text_embeds: ['local', 'memory', 'aws'],
  image_embeds: ['local', 'memory', 'aws'],
} as const satisfies Record<DatasetType, readonly BackendType[]>;

const inFolder = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...localFields, type: v.literal('local') });
const inBucket = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...awsFields, type: v.literal('aws') });
const inTable = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...csvFields, type: v.literal('csv') });
const inHub = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...huggingfaceFields, type: v.literal('huggingface') });
const inStorage = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...localStoreFields, type: v.literal('local') });
const inMemory = <const E extends v.ObjectEntries>(entries: E) =>
  section({ ...entries, ...memoryStoreFields, type: v.literal('memory') });

const text = { ...datasetEntries.text, dataset_type: v.literal('text') };
const evaluation = { ...datasetEntries.eval, dataset_type: v.literal('eval') };
const embeddings = { ...datasetEntries.embeddings, dataset_type: v.literal('embeddings') };
const caption = { ...datasetEntries.caption, dataset_type: v.literal('caption') };
const image = { ...datasetEntries.image, dataset_type: v.literal('image') };
const textEmbeds = { ...datasetEntries.text_embeds, dataset_type: v.literal('text_embeds') };
const imageEmbeds = { ...datasetEntries.image_embeds, dataset_type: v.literal('image_embeds') };

export const backendSchema = v.variant('dataset_type', [
  v.variant('type', [inFolder(text), inBucket(text), inTable(text), inHub(text)]),
  v.variant('type', [inFolder(evaluation), inBucket(evaluation), inTable(evaluation), inHub(evaluation)]),
  v.variant('type', [inFolder(embeddings), inBucket(embeddings), inTable(embeddings), inHub(embeddings)]),
  v.variant('type', [inFolder(caption), inBucket(caption), inHub(caption)]),
  v.variant('type', [inFolder(image), inBucket(image), inTable(image), inHub(image)]),
  v.variant('type', [inStorage(textEmbeds), inMemory(textEmbeds), inBucket(textEmbeds)]),
  v.variant('type', [inStorage(imageEmbeds), inMemory(imageEmbeds), inBucket(imageEmbeds)]),
]);

declare const pluginType: unique symbol;
/** A place that a plugin brings. The mark tells it from the names above, so that `type` narrows. */
export type PluginType = string & { readonly [pluginType]: true };

type BuiltInConfig = v.InferOutput<typeof backendSchema>;
/** The settings that a plugin adds are in the configuration as well; only the plugin knows their types. */
export type PluginBackendConfig = Omit<
  Extract<BuiltInConfig, { dataset_type: 'text'; type: 'local' }>,
  'type' | 'dataset_type' | keyof typeof localFields
> & { dataset_type: PluginDatasetType; type: PluginType };

/** A checked configuration: every setting that has a default is there. */
export type BackendConfig = BuiltInConfig | PluginBackendConfig;
/** What text is read of. */
export type TextBackendConfig = Extract<
  BackendConfig,
  { dataset_type: 'text' | 'eval' | 'embeddings' | 'caption' }
>;
