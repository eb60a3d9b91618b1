import { describe, expect, it } from 'vitest';
import { StopStringFilter } from './stop-strings';

const run = (stops: string[], pieces: string[]): string[] => {
  const filter = new StopStringFilter(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = filter.push(piece);
    shown.push(text);
    if (stopped) return [...shown, '|'];
  }
  return [...shown, filter.flush()];
};

describe('StopStringFilter', () => {
  it('a stop string inside one piece: cuts before it', () => {
    expect(run(['END'], ['so far END more'])).toEqual(['so far ', '|']);
  });

  it('a stop string over three pieces: none of it is shown', () => {
    expect(run(['\nUser:'], ['Yes.\n', 'Us', 'er: next'])).toEqual(['Yes.', '', '', '|']);
  });

  it('a beginning that turns out to be text: is shown late, nothing is lost', () => {
    expect(run(['\nUser:'], ['a\nU', 'tah', '!']).join('')).toBe('a\nUtah!');
  });

  it('overlapping starts: the second start is found after the first fails', () => {
    expect(run(['aab'], ['a', 'a', 'a', 'b'])).toEqual(['', '', 'a', '', '|']);
  });

  it('several stop strings: the earliest in the text wins', () => {
    expect(run(['b', 'a'], ['xxab'])).toEqual(['xx', '|']);
  });

  it('held back at the end: comes out with flush; no stop strings hold nothing', () => {
    expect(run(['STOP'], ['go ST'])).toEqual(['go ', 'ST']);
    expect(run(['', ...[]], ['text'])).toEqual(['text', '']);
  });
});
