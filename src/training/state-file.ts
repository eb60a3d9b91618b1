// The arrays of a checkpoint as a safetensors file.
import { readSafetensor, readSafetensorsHeader, writeSafetensors } from '../lib/formats/safetensors';
import type { StateArrays } from '../models/trainable-model';
import type { ArrayCodec } from './checkpoint-store';

export const stateFileCodec: ArrayCodec = {
  encode: (arrays) => writeSafetensors(arrays),
  async decode(file) {
    const { tensors } = await readSafetensorsHeader(file);
    const arrays: StateArrays = new Map();
    for (const [name, entry] of tensors) arrays.set(name, await readSafetensor(file, entry));
    return arrays;
  },
};
