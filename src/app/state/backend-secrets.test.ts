import { beforeEach, describe, expect, it } from 'vitest';
import { SessionVault } from '../../core/vault/session-vault';
import { BackendSecretStore } from './backend-secrets';

describe('BackendSecretStore', () => {
  let vault: SessionVault;
  let store: BackendSecretStore;

  beforeEach(() => {
    vault = new SessionVault();
    store = new BackendSecretStore(Promise.resolve(vault));
  });

  it('keeps each under its backend and key', async () => {
    await store.keep('notes', { aws_access_key_id: ' one ' });
    expect(await vault.get('backend.notes.aws_access_key_id')).toBe('one');
    expect(await store.of('notes')).toEqual({ aws_access_key_id: 'one' });
  });

  it('an empty one leaves what is kept', async () => {
    await store.keep('notes', { aws_access_key_id: 'one' });
    await store.keep('notes', { aws_access_key_id: '  ' });
    expect(await store.of('notes')).toEqual({ aws_access_key_id: 'one' });
  });

  it('does not give those of a backend whose name begins alike', async () => {
    await store.keep('notes.old', { aws_access_key_id: 'other' });
    await store.keep('notes', { aws_secret_access_key: 'own' });
    expect(await store.of('notes')).toEqual({ aws_secret_access_key: 'own' });
  });

  it('forgets those of one backend', async () => {
    await store.keep('notes', { aws_access_key_id: 'one' });
    await store.keep('other', { aws_access_key_id: 'two' });
    await store.forget('notes');
    expect(await store.keys('notes')).toEqual([]);
    expect(await store.keys('other')).toEqual(['aws_access_key_id']);
  });
});
