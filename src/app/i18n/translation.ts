// The shape of a language: the areas and keys of English, any text.
import type { English } from './en';

export type Translation<Area> = { readonly [Key in keyof Area]: string };
export type Dictionary = { readonly [Area in keyof English]: Translation<English[Area]> };
