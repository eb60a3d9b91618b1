// Makes things by name, from a list that plugins and modules extend at run time. TypeScript's interfaces are gone by
// then, so every product passes a predicate.
import { AppError, messageOf } from '../lib/errors';
import { suggestion } from './did-you-mean';

export type Create<Base, Options> = (options: Options) => Base;

/** What a discovered module exports under the name `registration`. */
export interface Registration<Base, Options = void> {
  name: string;
  create: Create<Base, Options>;
}

export interface Discovery {
  names: string[];
  /** Modules that were left out, and why: a bad one never stops the others. */
  problems: { module: string; message: string }[];
  unregister: () => void;
}

export class DynamicFactory<Base, Options = void> {
  /** What it makes, for messages: "schedule". */
  readonly product: string;
  readonly #isProduct: (value: unknown) => boolean;
  readonly #creators = new Map<string, Create<Base, Options>>();

  constructor(product: string, isProduct: (value: unknown) => boolean) {
    this.product = product;
    this.#isProduct = isProduct;
  }

  /**
   * @returns takes it back; what it had overridden returns.
   * @throws AppError `factory.duplicate` (without override), `factory.invalid`.
   */
  register(name: string, create: Create<Base, Options>, options: { override?: boolean } = {}): () => void {
    if (name === '' || typeof create !== 'function') {
      throw new AppError('factory.invalid', `A ${this.product} needs a name and a function that makes it.`);
    }
    const before = this.#creators.get(name);
    if (before !== undefined && options.override !== true) {
      throw new AppError('factory.duplicate', `There is a ${this.product} "${name}" already.`, {
        details: { name },
        remedy: 'Choose another name, or override it on purpose.',
      });
    }
    this.#creators.set(name, create);
    return () => this.#restore(name, create, before);
  }

  /** @throws AppError `factory.unknown`, or `factory.invalid` where what was made is not what it should be. */
  create(name: string, options: Options): Base {
    const create = this.#creators.get(name);
    if (create === undefined) {
      throw new AppError('factory.unknown', `There is no ${this.product} "${name}".`, {
        details: { name, known: this.list() },
        remedy: suggestion(name, this.list()),
      });
    }
    const product = create(options);
    if (!this.#isProduct(product)) {
      throw new AppError('factory.invalid', `"${name}" did not make a ${this.product}.`, {
        details: { name },
      });
    }
    return product;
  }

  has(name: string): boolean {
    return this.#creators.has(name);
  }

  /** Names, sorted. */
  list(): string[] {
    return [...this.#creators.keys()].sort();
  }

  /** Registers every module of an eager `import.meta.glob` that exports a `registration`. */
  discover(modules: Record<string, unknown>): Discovery {
    const undo: (() => void)[] = [];
    const found: Discovery = {
      names: [],
      problems: [],
      unregister: () => undo.reverse().forEach((u) => u()),
    };
    for (const [module, exported] of Object.entries(modules)) {
      try {
        const { name, create } = registrationOf<Base, Options>(exported);
        undo.push(this.register(name, create));
        found.names.push(name);
      } catch (error) {
        found.problems.push({ module, message: messageOf(error) });
      }
    }
    return found;
  }

  #restore(name: string, create: Create<Base, Options>, before: Create<Base, Options> | undefined): void {
    if (this.#creators.get(name) !== create) return;
    if (before === undefined) this.#creators.delete(name);
    else this.#creators.set(name, before);
  }
}

function registrationOf<Base, Options>(exported: unknown): Registration<Base, Options> {
  const registration: unknown =
    typeof exported === 'object' && exported !== null && 'registration' in exported
      ? exported.registration
      : null;
  if (
    typeof registration === 'object' &&
    registration !== null &&
    'name' in registration &&
    typeof registration.name === 'string' &&
    'create' in registration &&
    typeof registration.create === 'function'
  ) {
    // The product itself is checked when it is made.
    return registration as Registration<Base, Options>;
  }
  throw new AppError('factory.invalid', 'It exports no registration { name, create }.');
}
