// The encrypted vault's records in the database's `vault` store.
import type { Database } from '../database';
import type { VaultRecords } from './encrypted-vault';

export function databaseVaultRecords(database: Database): VaultRecords {
  return {
    get: (name) => database.get('vault', name),
    put: async (name, record) => void (await database.put('vault', record, name)),
    delete: (name) => database.delete('vault', name),
    names: () => database.getAllKeys('vault'),
    clear: () => database.clear('vault'),
  };
}
