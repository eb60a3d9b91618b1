// Dependency injection by typed tokens. Every container is isolated: nothing is shared between two of them.
// The container owns what its factories made and disposes of it; registered values and transients belong to others.
import { AppError } from '../lib/errors';

/** A typed key: TypeScript's types are gone at run time, so services are found by token, not by class or name. */
export interface Token<T> {
  readonly name: string;
  readonly key: symbol;
  /** Never set: carries the type. */
  readonly type?: T;
}

export function createToken<T>(name: string): Token<T> {
  return { name, key: Symbol(name) };
}

/**
 * singleton: one instance, owned by the container it is registered in. scoped: one per scope that asks for it.
 * transient: a fresh one each time, owned by who asks.
 */
export type Scope = 'singleton' | 'transient' | 'scoped';

export interface Resolver {
  get<T>(token: Token<T>): T;
  /** null where nobody registered it. */
  find<T>(token: Token<T>): T | null;
}

export type Factory<T> = (resolver: Resolver) => T;

export interface RegisterOptions<T> {
  /** Replaces an earlier registration instead of refusing. */
  override?: boolean;
  /** Called instead of the instance's own `dispose`. */
  dispose?: (instance: Awaited<T>) => void | Promise<void>;
}

export interface ServiceDescriptor {
  name: string;
  scope: Scope | 'value';
  created: boolean;
  /** Names of the services it asked for, once it was created. */
  dependencies: string[];
}

/** A unit of registration: a folder's services, a plugin's services. */
export interface ServiceProvider {
  registerServices(container: Container): void;
}

type TokensOf<Values extends unknown[]> = { [Index in keyof Values]: Token<Values[Index]> };

interface Registration {
  token: Token<unknown>;
  scope: Scope | 'value';
  factory: Factory<unknown>;
  dispose: ((instance: never) => void | Promise<void>) | null;
  dependencies: Set<string>;
}

/** One step of the resolution path. `done` once its factory, and the promise it may have returned, finished. */
interface Frame {
  token: Token<unknown>;
  registration: Registration;
  done: boolean;
}

interface Created {
  registration: Registration;
  instance: unknown;
}

export class Container implements Resolver {
  readonly #parent: Container | null;
  readonly #registrations = new Map<symbol, Registration>();
  readonly #instances = new Map<Registration, Created>();
  readonly #children = new Set<Container>();
  /** In order of creation: what something depends on comes before it. */
  #created: Created[] = [];
  #disposed = false;

  constructor(parent: Container | null = null) {
    this.#parent = parent;
  }

  /**
   * @returns takes the registration back (not the instances made from it).
   * @throws AppError `container.duplicate`, unless `override` is set.
   */
  register<T>(
    token: Token<T>,
    factory: Factory<T>,
    scope: Scope = 'singleton',
    options: RegisterOptions<T> = {},
  ): () => void {
    return this.#add(
      { token, scope, factory, dispose: options.dispose ?? null, dependencies: new Set() },
      options.override ?? false,
    );
  }

  /** Registers something that exists already; the container never disposes of it. */
  registerValue<T>(token: Token<T>, value: T, options: { override?: boolean } = {}): () => void {
    return this.#add(
      { token, scope: 'value', factory: () => value, dispose: null, dependencies: new Set() },
      options.override ?? false,
    );
  }

  /** Registers a class whose constructor takes the services behind `tokens`, in order. */
  registerClass<T, Parameters extends unknown[]>(
    token: Token<T>,
    constructor: new (...parameters: Parameters) => T,
    tokens: TokensOf<Parameters>,
    scope: Scope = 'singleton',
  ): () => void {
    return this.register(token, (resolver) => construct(resolver, constructor, tokens), scope);
  }

  addProvider(provider: ServiceProvider): this {
    provider.registerServices(this);
    return this;
  }

  has(token: Token<unknown>): boolean {
    return this.#locate(token) !== null;
  }

  /** @throws AppError `container.unregistered`, `container.cycle` (both name the path), `container.disposed`. */
  get<T>(token: Token<T>): T {
    return this.#resolve(token, []);
  }

  find<T>(token: Token<T>): T | null {
    return this.has(token) ? this.get(token) : null;
  }

  /** Makes an object that is not registered itself; the caller owns it. */
  build<T, Parameters extends unknown[]>(
    constructor: new (...parameters: Parameters) => T,
    tokens: TokensOf<Parameters>,
  ): T {
    return construct(this, constructor, tokens);
  }

  /** A child sees everything registered here; its scoped instances and its own registrations end with it. */
  createScope(): Container {
    this.#assertAlive();
    const child = new Container(this);
    this.#children.add(child);
    return child;
  }

  /** What can be resolved here, by name. A child's registration hides its parent's. */
  list(): ServiceDescriptor[] {
    const visible = new Map<symbol, ServiceDescriptor>();
    this.#collect(visible, this);
    return [...visible.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Disposes of child scopes, then of what was created here, newest first. Again does nothing.
   * @throws AggregateError after everything was tried, where a service failed to end.
   */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#parent !== null) this.#parent.#children.delete(this);
    const failures: unknown[] = [];
    for (const child of [...this.#children].reverse()) {
      await child.dispose().catch((failure: unknown) => failures.push(failure));
    }
    for (const created of this.#created.reverse()) {
      await disposeOf(created).catch((failure: unknown) => failures.push(failure));
    }
    this.#created = [];
    this.#instances.clear();
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} services failed to end.`);
  }

  #add(registration: Registration, override: boolean): () => void {
    this.#assertAlive();
    const { key, name } = registration.token;
    if (!override && this.#registrations.has(key)) {
      throw new AppError('container.duplicate', `${name} is registered already.`, {
        details: { token: name },
        remedy: 'Unregister it first, register it in a child scope, or pass override.',
      });
    }
    this.#registrations.set(key, registration);
    return () => {
      if (this.#registrations.get(key) === registration) this.#registrations.delete(key);
    };
  }

  #collect(visible: Map<symbol, ServiceDescriptor>, viewer: Container): void {
    for (const [key, registration] of this.#registrations) {
      if (!visible.has(key)) visible.set(key, viewer.#describe(registration, this));
    }
    if (this.#parent !== null) this.#parent.#collect(visible, viewer);
  }

  #locate(token: Token<unknown>): { registration: Registration; owner: Container } | null {
    const registration = this.#registrations.get(token.key);
    if (registration !== undefined) return { registration, owner: this };
    return this.#parent === null ? null : this.#parent.#locate(token);
  }

  #resolve<T>(token: Token<T>, path: readonly Frame[]): T {
    this.#assertAlive();
    const found = this.#locate(token);
    const names = [...path.map((frame) => frame.token.name), token.name].join(' -> ');
    if (found === null) {
      throw new AppError(
        'container.unregistered',
        `${token.name} is not registered (asked for by ${names}).`,
        {
          details: { token: token.name, path: names },
          remedy: 'Register it in the composition root before it is resolved.',
        },
      );
    }
    const { registration, owner } = found;
    path.at(-1)?.registration.dependencies.add(token.name);
    // A singleton sees what its owner sees, never a passing scope that would end before it.
    const home = registration.scope === 'singleton' ? owner : this;
    const existing = home.#instances.get(registration);
    if (path.some((frame) => !frame.done && frame.registration === registration)) {
      throw new AppError('container.cycle', `Services need each other in a circle: ${names}.`, {
        details: { path: names },
      });
    }
    // The registration was made for this very token, so its factory returns T.
    return (existing === undefined ? home.#create(registration, path) : existing.instance) as T;
  }

  #create(registration: Registration, path: readonly Frame[]): unknown {
    const frame: Frame = { token: registration.token, registration, done: false };
    const inner = [...path, frame];
    const resolver: Resolver = {
      get: (token) => this.#resolve(token, inner),
      find: (token) => (this.has(token) ? this.#resolve(token, inner) : null),
    };
    const instance = registration.factory(resolver);
    const finish = () => {
      frame.done = true;
    };
    if (instance instanceof Promise) instance.then(finish, finish);
    else finish();
    if (registration.scope === 'singleton' || registration.scope === 'scoped') {
      const created = { registration, instance };
      this.#instances.set(registration, created);
      this.#created.push(created);
      this.#forgetFailed(created);
    }
    return instance;
  }

  /** An asynchronous service that failed to start is made anew when it is asked for again. */
  #forgetFailed(created: Created): void {
    if (!(created.instance instanceof Promise)) return;
    created.instance.catch(() => {
      if (this.#instances.get(created.registration) === created) this.#instances.delete(created.registration);
      this.#created = this.#created.filter((other) => other !== created);
    });
  }

  #describe(registration: Registration, owner: Container): ServiceDescriptor {
    const home = registration.scope === 'scoped' ? this : owner;
    return {
      name: registration.token.name,
      scope: registration.scope,
      created: registration.scope === 'value' || home.#instances.has(registration),
      dependencies: [...registration.dependencies].sort(),
    };
  }

  #assertAlive(): void {
    if (this.#disposed) throw new AppError('container.disposed', 'The container was disposed of.');
  }
}

function construct<T, Parameters extends unknown[]>(
  resolver: Resolver,
  constructor: new (...parameters: Parameters) => T,
  tokens: TokensOf<Parameters>,
): T {
  // map() forgets the tuple: the element types are those of the tokens, in order.
  const parameters = tokens.map((token: Token<unknown>) => resolver.get(token)) as Parameters;
  return new constructor(...parameters);
}

async function disposeOf({ registration, instance }: Created): Promise<void> {
  const settled: unknown = await instance;
  if (registration.dispose !== null) await registration.dispose(settled as never);
  else if (hasDispose(settled)) await settled.dispose();
}

function hasDispose(value: unknown): value is { dispose(): void | Promise<void> } {
  return (
    typeof value === 'object' && value !== null && 'dispose' in value && typeof value.dispose === 'function'
  );
}
