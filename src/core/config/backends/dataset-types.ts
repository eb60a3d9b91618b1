// The kinds of data that a backend can hold. Apart from the schemas, for a page that does not need those.
export const DATASET_TYPES = [
  'text',
  'eval',
  'embeddings',
  'caption',
  'image',
  'text_embeds',
  'image_embeds',
] as const;
export type DatasetType = (typeof DATASET_TYPES)[number];

export function isDatasetType(name: unknown): name is DatasetType {
  return (DATASET_TYPES as readonly unknown[]).includes(name);
}
