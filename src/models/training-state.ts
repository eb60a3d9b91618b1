// A parameter set as the named arrays of a checkpoint, and back. Arrays have the shapes of a weights file.
import { STATE_PARTS, type ParameterSet, type StatePart } from '../engine';
import { AppError } from '../lib/errors';
import { fileShape, fromEngine, toEngine, type FileArray } from './file-layout';
import type { StateArrays } from './trainable-model';

/** Every part of every parameter that exists by now, as `part/name`. */
export async function exportParts(parameters: ParameterSet): Promise<StateArrays> {
  const arrays: StateArrays = new Map();
  for (const part of STATE_PARTS) {
    for (const name of parameters.names) {
      const tensor = parameters.part(name, part);
      if (tensor !== null) arrays.set(`${part}/${name}`, await fromEngine(name, tensor));
    }
  }
  return arrays;
}

/** Trainable weights by name, averaged where there is an average. */
export async function exportAveraged(parameters: ParameterSet): Promise<StateArrays> {
  const arrays: StateArrays = new Map();
  for (const name of parameters.names) {
    arrays.set(name, await fromEngine(name, parameters.averaged(name)));
  }
  return arrays;
}

function corrupt(key: string, fact: string): AppError<'checkpoint.corrupt'> {
  return new AppError('checkpoint.corrupt', `The checkpoint's array ${key} ${fact}.`, {
    details: { array: key },
    remedy: 'Continue from an earlier checkpoint of this run.',
  });
}

/** @throws AppError `checkpoint.corrupt` for an array that is missing or misshapen. */
export function checkArray(
  key: string,
  array: FileArray | undefined,
  expected: readonly number[],
): FileArray {
  if (array === undefined) throw corrupt(key, 'is missing');
  if (array.shape.join() !== expected.join() || array.data.length !== expected.reduce((n, d) => n * d, 1)) {
    throw corrupt(key, `has shape [${array.shape.join(', ')}], expected [${expected.join(', ')}]`);
  }
  return array;
}

/** After any applied step a parameter has both moments; an average is there or not. */
export function isRequired(part: StatePart, appliedSteps: number): boolean {
  return part === 'parameter' || (part !== 'ema' && appliedSteps > 0);
}

/**
 * Replaces parameters, moments and averages. Everything is checked before anything changes.
 * @throws AppError `checkpoint.corrupt` naming the first array that is missing or misshapen.
 */
export function importParts(
  parameters: ParameterSet,
  { appliedSteps, arrays }: { appliedSteps: number; arrays: StateArrays },
): void {
  const found: { name: string; part: StatePart; array: FileArray }[] = [];
  for (const part of STATE_PARTS) {
    for (const name of parameters.names) {
      const key = `${part}/${name}`;
      const array = arrays.get(key);
      if (array === undefined && !isRequired(part, appliedSteps)) continue;
      found.push({ name, part, array: checkArray(key, array, fileShape(name, parameters.value(name))) });
    }
  }
  for (const { name, part, array } of found) parameters.setPart(name, part, toEngine(name, array));
  parameters.appliedSteps = appliedSteps;
}
