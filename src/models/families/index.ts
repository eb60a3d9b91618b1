// The families that ship with the project. Adding one: a file that exports a ModelFamily, and a line here.
import { ModelFamilies } from '../model-family';
import { gemma3Family } from './gemma3';
import { gpt2Family } from './gpt2';
import { llamaFamily } from './llama';
import { phi3Family } from './phi3';
import { qwen2Family, qwen3Family } from './qwen';

export function createModelFamilies(): ModelFamilies {
  return new ModelFamilies([llamaFamily, qwen2Family, qwen3Family, gemma3Family, phi3Family, gpt2Family]);
}
