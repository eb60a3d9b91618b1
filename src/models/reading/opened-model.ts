// What the opening of a model's files gives, whichever format its weights are in.
import type { ModelFormat, NamedFile, Precision } from '../../protocol/models';
import type { WeightReader } from '../file-layout';
import type { ModelFamily, ModelPlan } from '../model-family';

export interface OpenedModel {
  format: ModelFormat;
  family: ModelFamily;
  plan: ModelPlan;
  /** By the decoder's names. */
  read: WeightReader;
  precision: Precision;
  license: string | null;
  /** Files with weights, in the order that the fingerprint is taken over. */
  weights: NamedFile[];
  /** The index of several weight files, and what GGUF keeps in its metadata: stored beside the weights, made when asked. */
  beside: () => NamedFile[];
}
