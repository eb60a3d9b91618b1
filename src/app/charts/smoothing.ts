// Exponential smoothing with bias correction (Kingma and Ba 2015, section 3), as loss curves are usually smoothed.

/**
 * @param values null where a step has no value; it stays null and leaves the average as it was.
 * @param weight share of the past kept at each step, 0 (no smoothing) to below 1
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let sum = 0;
  let mass = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    mass = mass * weight + (1 - weight);
    return sum / mass;
  });
}
