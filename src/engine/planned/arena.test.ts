import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { layoutArena } from './arena';
import { reads, writes, type Kernel } from './kernel';
import { aligned, externalValue, Recorder, type Recording, type Value } from './recorder';

const kernel = (inputs: number): Kernel => ({
  name: `sum of ${inputs}`,
  bindings: [...Array.from({ length: inputs }, (_, i) => reads(`x${i}`)), writes('y')],
  code: '',
  workgroups: [1, 1, 1],
  flops: 0,
});

const record = (recorder: Recorder, inputs: readonly Value[], output: Value): void =>
  recorder.dispatch(kernel(inputs.length), [...inputs, output]);

/** A chain of arrays, each made from the one before and from some older one. */
function chain(count: number, seed: number): Recording {
  const recorder = new Recorder();
  const random = new Random(seed);
  const made: Value[] = [externalValue('input', [8])];
  for (let i = 0; i < count; i += 1) {
    const value = recorder.temporary(`t${i}`, [1 + random.integer(300)]);
    const older = made[random.integer(made.length)] as Value;
    record(recorder, [made.at(-1) as Value, older], value);
    made.push(value);
  }
  record(recorder, [made.at(-1) as Value], externalValue('output', [8]));
  return recorder.finish();
}

describe('layoutArena', () => {
  it.each([1, 2, 3, 4])('arrays that live at the same time never overlap (seed %i)', (seed) => {
    const recording = chain(60, seed);
    const slabBytes = 2048;
    const { places, slabs, bytes } = layoutArena(recording, slabBytes);
    const life = (value: Value): [number, number] => {
      const touched = recording.dispatches.flatMap(({ values }, i) => (values.includes(value) ? [i] : []));
      return [Math.min(...touched), Math.max(...touched)];
    };
    const all = [...places].map(([value, place]) => ({ value, ...place, life: life(value) }));
    expect(all).toHaveLength(60);
    for (const a of all) {
      expect(a.offset % 256).toBe(0);
      expect(a.offset + a.value.bytes).toBeLessThanOrEqual(slabs[a.slab] ?? 0);
      expect(slabs[a.slab]).toBeLessThanOrEqual(slabBytes);
      for (const b of all) {
        if (a === b || a.slab !== b.slab || a.life[1] < b.life[0] || b.life[1] < a.life[0]) continue;
        const apart = a.offset + a.value.bytes <= b.offset || b.offset + b.value.bytes <= a.offset;
        expect(apart, `${a.value.name} and ${b.value.name}`).toBe(true);
      }
    }
    const unshared = all.reduce((sum, { value }) => sum + aligned(value.bytes), 0);
    expect(bytes).toBeLessThan(unshared / 2);
  });

  it('an array larger than a slab: an error that names it', () => {
    const recorder = new Recorder();
    const large = recorder.temporary('scores', [100, 100]);
    record(recorder, [externalValue('x', [1])], large);
    record(recorder, [large], externalValue('y', [1]));
    expect(() => layoutArena(recorder.finish(), 4096)).toThrow(/scores \[100, 100\] takes 40000 bytes/);
  });
});

describe('Recorder', () => {
  it('finish: what nobody reads is dropped, with what only it needed', () => {
    const recorder = new Recorder();
    const [input, output] = [externalValue('x', [1]), externalValue('y', [1])];
    const [used, unused, onlyForUnused] = ['used', 'unused', 'for unused'].map((name) =>
      recorder.temporary(name, [4]),
    ) as [Value, Value, Value];
    record(recorder, [input], used);
    record(recorder, [input], onlyForUnused);
    record(recorder, [onlyForUnused], unused);
    record(recorder, [used], output);
    const { dispatches } = recorder.finish();
    expect(dispatches.map(({ values }) => values.at(-1)?.name)).toEqual(['used', 'y']);
  });

  it('constant: the same numbers are one array', () => {
    const recorder = new Recorder();
    expect(recorder.constant(1, 2)).toBe(recorder.constant(1, 2));
    expect(recorder.constant(1, 2)).not.toBe(recorder.constant(2, 1));
  });

  it('dispatch: as many values as bindings', () => {
    expect(() => new Recorder().dispatch(kernel(1), [externalValue('x', [1])])).toThrow(
      /has 2 bindings, 1 values/,
    );
  });
});
