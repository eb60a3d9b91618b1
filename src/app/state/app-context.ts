// Everything a view may need, made once by main.ts and handed down by Svelte's context. A view calls `useApp()`.
import { createContext } from 'svelte';
import type { SettingsStore } from '../../core/config/settings-store';
import type { Database } from '../../core/database';
import type { Pwa } from '../pwa/pwa';
import type { Activity } from './activity.svelte';
import type { BackendSecretStore } from './backend-secrets';
import type { Clients } from './clients';
import type { Device } from './device.svelte';
import type { Downloads } from './downloads.svelte';
import type { Dialogs } from './dialogs.svelte';
import type { HubAccess } from './hub-access.svelte';
import type { Library } from './library.svelte';
import type { MemorySetting } from './memory-setting.svelte';
import type { Preferences } from './preferences.svelte';
import type { Router } from './router.svelte';
import type { StorageState } from './storage.svelte';
import type { Toasts } from './toasts.svelte';

export interface AppServices {
  readonly clients: Clients;
  /** Stops every worker, before all data are deleted. */
  readonly disposeWorkers: () => Promise<void>;
  /** null where the browser refuses IndexedDB: nothing is kept then. */
  readonly database: Promise<Database | null>;
  readonly preferences: Preferences;
  /** What new chats and runs start from; null where nothing can be kept. */
  readonly settings: SettingsStore | null;
  readonly router: Router;
  readonly toasts: Toasts;
  readonly dialogs: Dialogs;
  readonly activity: Activity;
  readonly library: Library;
  /** The hub's address and the token for it. */
  readonly hub: HubAccess;
  /** Credentials of data backends. */
  readonly backendSecrets: BackendSecretStore;
  readonly downloads: Downloads;
  /** What models may take, as the user says. */
  readonly memory: MemorySetting;
  readonly device: Device;
  readonly storage: StorageState;
  /** Online or not, updates, installing. */
  readonly pwa: Pwa;
}

export const [useApp, provideApp] = createContext<AppServices>();
