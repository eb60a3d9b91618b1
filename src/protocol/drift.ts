// A difference between what something was made with and what is said now.

export interface ConfigDrift {
  key: string;
  built: unknown;
  now: unknown;
}
