// What every vault promises, and what the encrypted one adds, with the browser's own database and cryptography.
import { describe, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/core/database';
import { DeviceVault } from '../../src/core/vault/device-vault';
import { EncryptedVault } from '../../src/core/vault/encrypted-vault';
import { SessionVault } from '../../src/core/vault/session-vault';
import type { Vault } from '../../src/core/vault/vault';
import { databaseVaultRecords } from '../../src/core/vault/vault-records';

const openTestDatabase = () => openDatabase(`vault-${crypto.randomUUID()}`);
const encrypted = (database: Database) => new EncryptedVault(databaseVaultRecords(database), 1000);

const vaults: Record<Vault['kind'], () => Promise<Vault>> = {
  session: () => Promise.resolve(new SessionVault()),
  encrypted: async () => {
    const vault = encrypted(await openTestDatabase());
    await vault.unlock('correct horse');
    return vault;
  },
  device: async () => new DeviceVault(await openTestDatabase()),
};

describe.each(Object.entries(vaults))('vault %s', (kind, open) => {
  test('vault: keeps, replaces, lists and removes secrets', async () => {
    const vault = await open();
    expect([vault.kind, vault.locked]).toEqual([kind, false]);
    expect(await vault.get('hub')).toBeNull();
    await vault.set('hub', 'old');
    await vault.set('hub', 'nëw');
    await vault.set('api', '');
    expect(await vault.get('hub')).toBe('nëw');
    expect(await vault.get('api')).toBe('');
    expect(await vault.list()).toEqual(['api', 'hub']);
    await vault.remove('hub');
    await vault.remove('never');
    expect(await vault.list()).toEqual(['api']);
  });

  test('vault: shows nothing when it is written out', async () => {
    const vault = await open();
    await vault.set('hub', 'top-secret');
    expect(JSON.stringify(vault)).not.toContain('top-secret');
    expect(Object.values(vault)).not.toContain('top-secret');
  });

  test('vault: a locked vault gives no secret', async () => {
    const vault = await open();
    await vault.set('hub', 'top-secret');
    vault.lock();
    const outcome = await vault.get('hub').catch((error: unknown) => error);
    expect(outcome === null || (outcome instanceof Error && 'code' in outcome)).toBe(true);
  });
});

describe('device vault', () => {
  test('device vault: another visit reads it; the database holds neither secret nor a key that can be taken out', async () => {
    const database = await openTestDatabase();
    await new DeviceVault(database).set('hub', 'top-secret');
    expect(await new DeviceVault(database).get('hub')).toBe('top-secret');
    const kept = await database.getAll('documents');
    const key = kept.find((value): value is CryptoKey => value instanceof CryptoKey);
    expect(key?.extractable).toBe(false);
    const bytes = kept.flatMap((value) =>
      typeof value === 'object' && value !== null && 'ciphertext' in value ? [value.ciphertext] : [],
    );
    expect(bytes).toHaveLength(1);
    expect(new TextDecoder().decode(bytes[0] as ArrayBuffer)).not.toContain('top-secret');
  });

  test('device vault: two that open at once have the same key', async () => {
    const database = await openTestDatabase();
    const vaults = [new DeviceVault(database), new DeviceVault(database)];
    await Promise.all(vaults.map((vault, index) => vault.set(`secret ${index}`, 'x')));
    expect(await new DeviceVault(database).get('secret 0')).toBe('x');
    expect(await new DeviceVault(database).get('secret 1')).toBe('x');
  });
});

describe('encrypted vault', () => {
  test('encrypted vault: opens again with its passphrase only', async () => {
    const database = await openTestDatabase();
    const first = encrypted(database);
    expect(await first.exists()).toBe(false);
    await first.unlock('correct horse');
    await first.set('hub', 'top-secret');
    const second = encrypted(database);
    expect([await second.exists(), second.locked]).toEqual([true, true]);
    await expect(second.get('hub')).rejects.toMatchObject({ code: 'vault.locked' });
    await expect(second.unlock('wrong')).rejects.toMatchObject({ code: 'vault.wrong-passphrase' });
    await expect(second.unlock('')).rejects.toMatchObject({ code: 'vault.wrong-passphrase' });
    await second.unlock('correct horse');
    expect(await second.get('hub')).toBe('top-secret');
  });

  test('encrypted vault: what is stored neither shows nor may be exchanged', async () => {
    const database = await openTestDatabase();
    const vault = encrypted(database);
    await vault.unlock('correct horse');
    await vault.set('a', 'top-secret');
    await vault.set('b', 'other');
    const record = await database.get('vault', 'a');
    const stored = new TextDecoder().decode(record?.ciphertext);
    expect(stored).not.toContain('top-secret');
    if (record !== undefined) await database.put('vault', record, 'b');
    await expect(vault.get('b')).rejects.toThrow();
  });

  test('encrypted vault: a forgotten passphrase can be given up with its secrets', async () => {
    const database = await openTestDatabase();
    const vault = encrypted(database);
    await vault.unlock('correct horse');
    await vault.set('a', 'top-secret');
    await vault.destroy();
    await vault.unlock('another');
    expect(await vault.list()).toEqual([]);
  });
});
