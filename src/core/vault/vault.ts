// Secrets (tokens, keys), apart from the settings: never exported, never in an event, never in a log. Three kinds keep
// one contract: session-only, encrypted (kept behind a passphrase), and device (kept under a key that stays in this browser).

export interface Vault {
  readonly kind: 'session' | 'encrypted' | 'device';
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
