// What a file of a model is stored as, by its path where it came from: folders do not matter, but for one whose file is called
// as another one. Pure.

/** How a sentence-embedding model makes one vector of many. */
export const POOLING_CONFIG = '1_Pooling/config.json';
/** How pictures become numbers: `picture-preprocessing.ts` reads it. */
export const PREPROCESSOR_CONFIG = 'preprocessor_config.json';

export function modelFileName(path: string): string {
  if (path === POOLING_CONFIG || path.endsWith(`/${POOLING_CONFIG}`)) return POOLING_CONFIG;
  return path.slice(path.lastIndexOf('/') + 1);
}
