import { describe, expect, test } from 'vitest';
import { didYouMean, editDistance } from './did-you-mean';
import { DynamicFactory } from './factory';

interface Shape {
  area(): number;
}
const isShape = (value: unknown) => typeof value === 'object' && value !== null && 'area' in value;
const square = ({ side }: { side: number }): Shape => ({ area: () => side * side });
const shapes = () => new DynamicFactory<Shape, { side: number }>('shape', isShape);

describe('dynamic factory', () => {
  test('dynamic factory: makes by name with options and lists what there is', () => {
    const factory = shapes();
    factory.register('square', square);
    factory.register('circle', ({ side }) => ({ area: () => Math.PI * side * side }));
    expect(factory.create('square', { side: 3 }).area()).toBe(9);
    expect(factory.list()).toEqual(['circle', 'square']);
  });

  test('dynamic factory: an unknown name suggests the nearest', () => {
    const factory = shapes();
    factory.register('square', square);
    expect(() => factory.create('sqaure', { side: 1 })).toThrowError(
      expect.objectContaining({ code: 'factory.unknown', remedy: 'Did you mean "square"?' }),
    );
    expect(() => factory.create('hexagon', { side: 1 })).toThrowError(
      expect.objectContaining({ remedy: 'Known: square.' }),
    );
  });

  test('dynamic factory: duplicates are refused; an override ends with its own registration', () => {
    const factory = shapes();
    factory.register('square', square);
    expect(() => factory.register('square', square)).toThrowError(
      expect.objectContaining({ code: 'factory.duplicate' }),
    );
    const undo = factory.register('square', () => ({ area: () => -1 }), { override: true });
    expect(factory.create('square', { side: 3 }).area()).toBe(-1);
    undo();
    expect(factory.create('square', { side: 3 }).area()).toBe(9);
  });

  test('dynamic factory: a product that is none is refused when it is made', () => {
    const factory = shapes();
    factory.register('fake', () => ({}) as Shape);
    expect(() => factory.create('fake', { side: 1 })).toThrowError(
      expect.objectContaining({ code: 'factory.invalid' }),
    );
  });

  test('dynamic factory: discovery takes the good modules, names the bad ones, and can be undone', () => {
    const factory = shapes();
    factory.register('circle', square);
    const found = factory.discover({
      './square.ts': { registration: { name: 'square', create: square } },
      './circle.ts': { registration: { name: 'circle', create: square } },
      './nothing.ts': {},
    });
    expect(found.names).toEqual(['square']);
    expect(found.problems.map((problem) => problem.module)).toEqual(['./circle.ts', './nothing.ts']);
    found.unregister();
    expect(factory.list()).toEqual(['circle']);
  });
});

describe('did you mean', () => {
  test('did you mean: counts edits, a swap of neighbours as one', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
  });

  test('did you mean: says nothing where nothing is near', () => {
    expect(didYouMean('learningrate', ['learningRate', 'loss'])).toBe('learningRate');
    expect(didYouMean('epoch', ['epochs', 'batchSize'])).toBe('epochs');
    expect(didYouMean('colour', ['epochs', 'batchSize'])).toBeNull();
  });
});
