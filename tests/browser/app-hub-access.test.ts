// The hub's address and its token: a token stays with the address that it was given for.
import { describe, expect, it, vi } from 'vitest';
import { HubAccess } from '../../src/app/state/hub-access.svelte';
import { HUGGING_FACE } from '../../src/core/config/settings';
import { SettingsStore } from '../../src/core/config/settings-store';
import { SessionVault } from '../../src/core/vault/session-vault';
import type { Vault } from '../../src/core/vault/vault';
import { watch } from './app-watch.svelte';

const MIRROR = 'https://mirror.example';

async function settingsStore(): Promise<SettingsStore> {
  const kept = new Map<string, unknown>();
  const store = new SettingsStore({
    get: (name) => Promise.resolve(kept.get(name)),
    put: (name, document) => Promise.resolve(void kept.set(name, document)),
  });
  await store.load();
  return store;
}

async function access(vault: Promise<Vault> = Promise.resolve(new SessionVault())) {
  const store = await settingsStore();
  return { hub: new HubAccess(vault, store), store, vault };
}

describe('hub access', () => {
  it('hub access: begins at the hub, without a token', async () => {
    const { hub } = await access();
    expect(hub).toMatchObject({ endpoint: HUGGING_FACE, tokenTail: null, canChange: true });
    expect(await hub.token()).toBeNull();
    expect(hub.pageOf('a/b')).toBe(`${HUGGING_FACE}/a/b`);
    expect(hub.pageOf('a/b', 'abc')).toBe(`${HUGGING_FACE}/a/b/tree/abc`);
  });

  it('hub access: a token is kept without what surrounds it; views see its end, and then nothing', async () => {
    const { hub } = await access();
    const { seen, stop } = watch(() => hub.tokenTail);
    await hub.keepToken('  hf_secret_wxyz\n');
    expect(await hub.token()).toBe('hf_secret_wxyz');
    await vi.waitFor(() => expect(seen.at(-1)).toBe('wxyz'));
    await hub.forgetToken();
    expect(await hub.token()).toBeNull();
    await vi.waitFor(() => expect(seen.at(-1)).toBeNull());
    stop();
  });

  it('hub access: another address has another token, and the first one its own again', async () => {
    const { hub } = await access();
    await hub.keepToken('hf_first_1111');
    await hub.useEndpoint(`${MIRROR}/`);
    expect(hub.endpoint).toBe(MIRROR);
    expect(await hub.token()).toBeNull();
    await vi.waitFor(() => expect(hub.tokenTail).toBeNull());
    await hub.keepToken('hf_second_2222');
    await hub.useEndpoint('');
    expect(hub.endpoint).toBe(HUGGING_FACE);
    expect(await hub.token()).toBe('hf_first_1111');
    await vi.waitFor(() => expect(hub.tokenTail).toBe('1111'));
  });

  it('hub access: a token goes to the address it was given for, though that changes while the vault opens', async () => {
    const opened = Promise.withResolvers<Vault>();
    const { hub } = await access(opened.promise);
    const keeping = hub.keepToken('hf_for_the_hub');
    const asking = hub.token();
    await hub.useEndpoint(MIRROR);
    opened.resolve(new SessionVault());
    await keeping;
    expect(await asking).toBe('hf_for_the_hub');
    expect(await hub.token()).toBeNull();
    await hub.useEndpoint(HUGGING_FACE);
    expect(await hub.token()).toBe('hf_for_the_hub');
  });

  it('hub access: the end of a token is that of the address of now, whichever the vault answers first', async () => {
    const vault = new SessionVault();
    const slow = Promise.withResolvers<string | null>();
    const get = vault.get.bind(vault);
    vault.get = (name) => (name.includes(MIRROR) ? slow.promise : get(name));
    const { hub } = await access(Promise.resolve(vault));
    await hub.keepToken('hf_first_1111');
    await hub.useEndpoint(MIRROR);
    expect(hub.tokenTail).toBeNull();
    await hub.useEndpoint(HUGGING_FACE);
    await vi.waitFor(() => expect(hub.tokenTail).toBe('1111'));
    slow.resolve('hf_second_2222');
    await new Promise((resolve) => setTimeout(resolve));
    expect(hub.tokenTail).toBe('1111');
  });

  it('hub access: an address that is not encrypted is refused and changes nothing', async () => {
    const { hub } = await access();
    await expect(hub.useEndpoint('http://mirror.example')).rejects.toMatchObject({ code: 'config.invalid' });
    expect(hub.endpoint).toBe(HUGGING_FACE);
    await hub.useEndpoint('http://localhost:8080/');
    expect(hub.endpoint).toBe('http://localhost:8080');
  });

  it('hub access: settings that are imported are followed', async () => {
    const { hub, store } = await access();
    await store.update({ hub: { endpoint: MIRROR } });
    expect(hub.endpoint).toBe(MIRROR);
  });

  it('hub access: a vault that does not open shows no token; where nothing is kept the address stays', async () => {
    const hub = new HubAccess(Promise.reject(new Error('refused')), null);
    expect(hub).toMatchObject({ endpoint: HUGGING_FACE, canChange: false, tokenTail: null });
    await expect(hub.token()).rejects.toThrow('refused');
    await hub.useEndpoint(MIRROR);
    expect(hub.endpoint).toBe(HUGGING_FACE);
  });
});
