// Small records of one kind in the database's store of documents, each under the kind's name and its own.
import type { Database } from './database';

export interface Documents<Value> {
  list(): Promise<Value[]>;
  get(id: string): Promise<Value | null>;
  put(id: string, value: Value): Promise<void>;
  delete(id: string): Promise<void>;
}

/** @param isValid what an older version left and this one does not know counts as absent. */
export function documentsOf<Value extends object>(
  database: Database,
  kind: string,
  isValid: (value: object) => boolean,
): Documents<Value> {
  const known = (value: unknown): value is Value =>
    typeof value === 'object' && value !== null && isValid(value);
  const key = (id: string): string => `${kind} ${id}`;
  return {
    async list() {
      // U+FFFF sorts after all that a name may hold.
      const values = await database.getAll('documents', IDBKeyRange.bound(`${kind} `, `${kind} \uffff`));
      return values.filter(known);
    },
    async get(id) {
      const value = await database.get('documents', key(id));
      return known(value) ? value : null;
    },
    async put(id, value) {
      await database.put('documents', value, key(id));
    },
    async delete(id) {
      await database.delete('documents', key(id));
    },
  };
}
