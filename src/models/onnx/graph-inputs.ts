// Inputs of a graph by what they are for: by their types and shapes, and by names where several are alike. Pure.
import type { OnnxElement, OnnxValueInfo } from '../../lib/formats/onnx-description';

/** An input of one number for each token, or of one in all. */
export interface PlainInput {
  name: string;
  type: OnnxElement;
  rank: number;
}

type Is = (input: OnnxValueInfo) => boolean;

const MASK_TYPES: readonly (OnnxElement | null)[] = ['int64', 'int32', 'float32', 'bool'];

const rankOf = ({ shape }: OnnxValueInfo): number => shape?.length ?? -1;
const isWhole: Is = ({ type }) => type === 'int64' || type === 'int32';
const isSingle: Is = ({ shape }) =>
  shape !== null && (shape.length === 0 || (shape.length === 1 && shape[0] === 1));

export const isMask: Is = (input) =>
  MASK_TYPES.includes(input.type) && rankOf(input) === 2 && /mask/i.test(input.name);
export const isSegments: Is = (input) =>
  isWhole(input) && rankOf(input) === 2 && /token_?type|segment/i.test(input.name);
export const isPositions: Is = (input) =>
  isWhole(input) && (rankOf(input) === 1 || rankOf(input) === 2) && /pos/i.test(input.name);
export const isLogitsToKeep: Is = (input) => isWhole(input) && isSingle(input) && /logits/i.test(input.name);
export const isUseCache: Is = (input) => input.type === 'bool' && isSingle(input);
const isTokens: Is = (input) => isWhole(input) && rankOf(input) === 2;

/** Takes inputs out of those that are not understood yet. */
export class GraphInputs {
  left: OnnxValueInfo[];

  constructor(inputs: readonly OnnxValueInfo[]) {
    this.left = [...inputs];
  }

  take(is: Is): PlainInput | null {
    const found = this.left.find(is);
    if (found === undefined || found.type === null) return null;
    this.left = this.left.filter((input) => input !== found);
    return { name: found.name, type: found.type, rank: rankOf(found) };
  }

  /** By their usual names first; else whole numbers of two sizes. */
  takeTokens(): PlainInput | null {
    const isNamed: Is = (input) => isTokens(input) && /input_?ids|tokens?(_ids)?$|^ids$/i.test(input.name);
    return this.take(isNamed) ?? this.take(isTokens);
  }

  takeAll(is: Is): OnnxValueInfo[] {
    const found = this.left.filter(is);
    this.left = this.left.filter((input) => !is(input));
    return found;
  }
}
