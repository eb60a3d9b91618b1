// The families that ship with the project. Adding one: a file that exports a ModelFamily, and a line here.
import { llamaFamily } from './llama';
import { ModelFamilies } from '../model-family';

export function createModelFamilies(): ModelFamilies {
  return new ModelFamilies([llamaFamily]);
}
