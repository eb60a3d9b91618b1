// Secrets (tokens, keys), apart from the settings: never exported, never in an event, never in a log. Two kinds keep
// one contract: session-only (the default) and encrypted (kept behind a passphrase).

export interface Vault {
  readonly kind: 'session' | 'encrypted';
  readonly locked: boolean;
  /** @returns null where there is none. @throws AppError `vault.locked`. */
  get(name: string): Promise<string | null>;
  /** @throws AppError `vault.locked`. */
  set(name: string, secret: string): Promise<void>;
  /** Absent is no error. @throws AppError `vault.locked`. */
  remove(name: string): Promise<void>;
  /** Names only, sorted. @throws AppError `vault.locked`. */
  list(): Promise<string[]>;
  /** Ends access: nothing secret stays in memory. */
  lock(): void;
}
