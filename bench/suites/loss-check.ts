// Whether trainings that started from the same weights see the same losses: to four digits, over the first steps.
import type { EngineName, TrainCase } from '../cases';
import type { StepFigures } from '../page/main';

/** Half a unit of the fourth digit of a number that begins with 1; stricter for others. */
const TOLERANCE = 5e-4;
const STEPS = 6;

type Losses = readonly Pick<StepFigures, 'loss'>[];

/** @throws Error naming the first step at which another trainer parts from ours, with both losses. */
export function checkLosses(
  { name, method }: Pick<TrainCase, 'name' | 'method'>,
  ours: Losses,
  engine: EngineName,
  theirs: Losses,
): void {
  const steps = Math.min(STEPS, ours.length, theirs.length);
  for (let step = 0; step < steps; step += 1) {
    const [own, other] = [ours[step]?.loss ?? Number.NaN, theirs[step]?.loss ?? Number.NaN];
    if (Math.abs(own - other) <= TOLERANCE * Math.abs(own)) continue;
    throw new Error(
      `${name}.${method}: the loss of step ${step + 1} is ${own} for planned and ${other} for ${engine}; ` +
        'they train different things, so their speeds cannot be compared.',
    );
  }
}
