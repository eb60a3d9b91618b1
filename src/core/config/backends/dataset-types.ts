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

/** A configuration of a place for caches, which holds no data of its own. */
export function isStore({ dataset_type: kind }: Readonly<Record<string, unknown>>): boolean {
  return kind === 'text_embeds' || kind === 'image_embeds';
}

export function isDatasetType(name: unknown): name is DatasetType {
  return (DATASET_TYPES as readonly unknown[]).includes(name);
}
