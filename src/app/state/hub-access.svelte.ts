// The hub that models come from, and the token for it. The token lies in the vault under the address it was given for, so that
// a change of address never sends it elsewhere; views see its last four characters.
import { defaultSettings } from '../../core/config/settings';
import type { SettingsStore } from '../../core/config/settings-store';
import type { Vault } from '../../core/vault/vault';

const SHOWN_CHARACTERS = 4;

export class HubAccess {
  readonly #vault: Promise<Vault>;
  readonly #settings: SettingsStore | null;
  #endpoint = $state(defaultSettings.hub.endpoint);
  #tail = $state<string | null>(null);
  #reads = 0;

  /** @param settings null where nothing can be kept: the address is the default one then. */
  constructor(vault: Promise<Vault>, settings: SettingsStore | null) {
    this.#vault = vault;
    this.#settings = settings;
    this.#endpoint = settings?.current.hub.endpoint ?? defaultSettings.hub.endpoint;
    settings?.subscribe(({ hub }) => {
      if (hub.endpoint === this.#endpoint) return;
      this.#endpoint = hub.endpoint;
      // Another hub's token: nothing of it is shown while its own is looked for.
      this.#tail = null;
      void this.#readTail();
    });
    void this.#readTail();
  }

  /** Without a slash at its end. */
  get endpoint(): string {
    return this.#endpoint;
  }

  get canChange(): boolean {
    return this.#settings !== null;
  }

  /** Last characters of the token; null where there is none. */
  get tokenTail(): string | null {
    return this.#tail;
  }

  /** For the call that needs it, and nothing else. */
  async token(): Promise<string | null> {
    const name = this.#secretName;
    return (await this.#vault).get(name);
  }

  /** For the address of now, whichever it is by the time that the vault answers. */
  async keepToken(token: string): Promise<void> {
    const name = this.#secretName;
    await (await this.#vault).set(name, token.trim());
    await this.#readTail();
  }

  async forgetToken(): Promise<void> {
    const name = this.#secretName;
    await (await this.#vault).remove(name);
    await this.#readTail();
  }

  /** @throws AppError `config.invalid` for what is no encrypted address nor one on this machine. */
  async useEndpoint(address: string): Promise<void> {
    const endpoint = address.trim().replace(/\/+$/, '') || defaultSettings.hub.endpoint;
    await this.#settings?.update({ hub: { endpoint } });
  }

  /** Of a repository's page. */
  pageOf(repositoryId: string, commit?: string): string {
    const page = `${this.#endpoint}/${repositoryId}`;
    return commit === undefined ? page : `${page}/tree/${commit}`;
  }

  get #secretName(): string {
    return `hub-token ${this.#endpoint}`;
  }

  /** The last one asked for wins, whichever the vault answers first. */
  async #readTail(): Promise<void> {
    this.#reads += 1;
    const own = this.#reads;
    const token = await this.token().catch(() => null);
    if (own !== this.#reads) return;
    this.#tail = token === null ? null : token.slice(-SHOWN_CHARACTERS);
  }
}
