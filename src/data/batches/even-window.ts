// One of several even windows of an example whose number of tokens was only estimated when it was said how many there are.
import type { Example } from '../examples/example-encoder';
import { countTargets, type TokenWindow } from '../examples/windows';

/**
 * @param number which of `windows`, from 0.
 * @param longest positions that there is room for.
 * @param startOf of the only window, where it has that many positions too many.
 */
export function evenWindow(
  example: Example,
  number: number,
  windows: number,
  longest: number,
  startOf: (surplus: number) => number = () => 0,
): TokenWindow {
  const positions = example.ids.length - 1;
  const start = windows === 1 ? startOf(positions - longest) : Math.floor((number * positions) / windows);
  const end = Math.floor(((number + 1) * positions) / windows);
  const length = Math.max(0, Math.min(longest, end - start));
  return { start, length, targets: countTargets(example.trained, start, length) };
}
