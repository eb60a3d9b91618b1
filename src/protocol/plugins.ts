// Plugins as the page sees them. They run in the engine worker.

export interface PluginInfo {
  name: string;
  /** Semantic version. */
  version: string;
  /** One sentence; empty where the plugin gives none. */
  description: string;
  active: boolean;
  /** `built-in`, or the address it was loaded from. */
  origin: string;
  /** Other plugins by name, with the range of versions it works with. */
  dependencies: Record<string, string>;
}
