// What is exported: a model with whatever adapter goes into it, read but not loaded, and what stands beside its weights. Files
// are made of it by the writers in this folder. Holds readers over files that belong to the store.
import type { TokenizerSource } from '../../lib/text/hf-tokenizer';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import type { GgufForm } from '../decoder/gguf/gguf-form';
import type { WeightReader } from '../file-layout';
import type { ModelPlan } from '../model-family';
import { mergedReader, type AdapterWeights } from './merged-reader';

export interface ExportSource {
  model: ModelRecord;
  plan: ModelPlan;
  /** How the family stands in GGUF. */
  gguf: GgufForm;
  /** Weights of the base by the decoder's names. */
  base: WeightReader;
  /** As it stands beside the weights, or as it would. */
  configJson: Record<string, unknown>;
  generationJson: Record<string, unknown>;
  tokenizer: TokenizerSource;
  /** Jinja; null where the model has none. */
  chatTemplate: string | null;
  adapter: ExportedAdapter | null;
}

export interface ExportedAdapter extends AdapterWeights {
  record: AdapterRecord;
}

/** Weights by the decoder's names, with the adapter in them where there is one. */
export function weightsOf({ base, adapter }: ExportSource): WeightReader {
  return adapter === null ? base : mergedReader(base, adapter);
}

/** For people: the adapter's name beside the model's. */
export function titleOf({ model, adapter }: ExportSource): string {
  return adapter === null ? model.name : `${model.name} ${adapter.record.name}`;
}
