// A place that is configured and was not connected in this session: nothing is there, nothing is kept.
import type { ValueSize, ValueStore } from './value-store';

export class UnconnectedStore implements ValueStore {
  readonly budgetBytes = null;
  readonly overdue = false;

  read(keys: readonly string[]): Promise<undefined[]> {
    return Promise.resolve(keys.map(() => undefined));
  }

  known(): Promise<Set<string>> {
    return Promise.resolve(new Set<string>());
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  sizes(): Promise<Map<string, ValueSize>> {
    return Promise.resolve(new Map<string, ValueSize>());
  }

  clear(): Promise<void> {
    return Promise.resolve();
  }
}
