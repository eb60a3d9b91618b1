import { describe, expect, test } from 'vitest';
import { Container, createToken } from './container';

const A = createToken<{ name: string }>('a');
const B = createToken<{ a: { name: string } }>('b');
const LOG: string[] = [];

class Ended {
  constructor(readonly name: string) {}
  dispose(): void {
    LOG.push(this.name);
  }
}

describe('container', () => {
  test('container: singleton is made once, transient each time', () => {
    const container = new Container();
    container.register(A, () => ({ name: 'a' }));
    container.register(B, (services) => ({ a: services.get(A) }), 'transient');
    expect(container.get(A)).toBe(container.get(A));
    expect(container.get(B)).not.toBe(container.get(B));
    expect(container.get(B).a).toBe(container.get(A));
  });

  test('container: scoped is one per scope', () => {
    const container = new Container();
    container.register(A, () => ({ name: 'a' }), 'scoped');
    const [first, second] = [container.createScope(), container.createScope()];
    expect(first.get(A)).toBe(first.get(A));
    expect(first.get(A)).not.toBe(second.get(A));
  });

  test('container: a singleton asked for in a scope belongs to its owner and outlives the scope', async () => {
    const container = new Container();
    const log: string[] = [];
    container.register(A, () => ({ name: 'a', dispose: () => log.push('a') }));
    const scope = container.createScope();
    const instance = scope.get(A);
    await scope.dispose();
    expect(log).toEqual([]);
    expect(container.get(A)).toBe(instance);
  });

  test('container: two containers share nothing', () => {
    const [first, second] = [new Container(), new Container()];
    first.registerValue(A, { name: 'a' });
    expect(second.find(A)).toBeNull();
    expect(() => second.get(A)).toThrowError(/a is not registered/);
  });

  test('container: an unregistered service names the path that asked for it', () => {
    const container = new Container();
    container.register(B, (services) => ({ a: services.get(A) }));
    expect(() => container.get(B)).toThrowError(
      expect.objectContaining({
        code: 'container.unregistered',
        message: expect.stringContaining('b -> a') as string,
      }),
    );
  });

  test('container: a cycle names its path, also where the services are asynchronous', async () => {
    const container = new Container();
    const C = createToken<Promise<number>>('c');
    const D = createToken<Promise<number>>('d');
    container.register(C, async (services) => services.get(D));
    container.register(D, async (services) => {
      await Promise.resolve();
      return services.get(C);
    });
    await expect(container.get(C)).rejects.toMatchObject({
      code: 'container.cycle',
      message: 'Services need each other in a circle: c -> d -> c.',
    });
  });

  test('container: a factory may resolve its own service later on', () => {
    const container = new Container();
    const Self = createToken<{ again: () => unknown }>('self');
    container.register(Self, (services) => ({ again: () => services.get(Self) }));
    expect(container.get(Self).again()).toBe(container.get(Self));
  });

  test('container: an asynchronous service that failed is made anew', async () => {
    const container = new Container();
    const C = createToken<Promise<number>>('c');
    let tries = 0;
    container.register(C, () => ((tries += 1) === 1 ? Promise.reject(new Error('no')) : Promise.resolve(2)));
    await expect(container.get(C)).rejects.toThrow('no');
    await expect(container.get(C)).resolves.toBe(2);
  });

  test('container: disposes in reverse order of creation, promises and child scopes included', async () => {
    LOG.length = 0;
    const container = new Container();
    const First = createToken<Ended>('first');
    const Second = createToken<Promise<Ended>>('second');
    const Third = createToken<Ended>('third');
    container.register(First, () => new Ended('first'));
    container.register(Second, (services) => {
      services.get(First);
      return Promise.resolve(new Ended('second'));
    });
    container.register(Third, () => new Ended('third'), 'scoped');
    await container.get(Second);
    container.createScope().get(Third);
    await container.dispose();
    await container.dispose();
    expect(LOG).toEqual(['third', 'second', 'first']);
    expect(() => container.get(First)).toThrowError(/disposed/);
  });

  test('container: one service that cannot end does not keep the others', async () => {
    LOG.length = 0;
    const container = new Container();
    const Good = createToken<Ended>('good');
    const Bad = createToken<object>('bad');
    container.register(Good, () => new Ended('good'));
    container.register(Bad, () => ({}), 'singleton', { dispose: () => Promise.reject(new Error('stuck')) });
    container.get(Good);
    container.get(Bad);
    await expect(container.dispose()).rejects.toBeInstanceOf(AggregateError);
    expect(LOG).toEqual(['good']);
  });

  test('container: values are not disposed of, duplicates are refused, unregistering works', async () => {
    LOG.length = 0;
    const container = new Container();
    const Value = createToken<Ended>('value');
    const unregister = container.registerValue(Value, new Ended('value'));
    expect(() => container.registerValue(Value, new Ended('other'))).toThrowError(
      expect.objectContaining({ code: 'container.duplicate' }),
    );
    container.registerValue(Value, new Ended('other'), { override: true });
    unregister();
    expect(container.get(Value).name).toBe('other');
    await container.dispose();
    expect(LOG).toEqual([]);
  });

  test('container: classes and providers', () => {
    class Pair {
      constructor(
        readonly a: { name: string },
        readonly size: number,
      ) {}
    }
    const Size = createToken<number>('size');
    const PairToken = createToken<Pair>('pair');
    const container = new Container().addProvider({
      registerServices(target) {
        target.registerValue(A, { name: 'a' });
        target.registerValue(Size, 3);
        target.registerClass(PairToken, Pair, [A, Size]);
      },
    });
    expect(container.get(PairToken)).toMatchObject({ a: { name: 'a' }, size: 3 });
    expect(container.build(Pair, [A, Size])).not.toBe(container.get(PairToken));
    expect(container.list()).toEqual([
      { name: 'a', scope: 'value', created: true, dependencies: [] },
      { name: 'pair', scope: 'singleton', created: true, dependencies: ['a', 'size'] },
      { name: 'size', scope: 'value', created: true, dependencies: [] },
    ]);
  });
});
