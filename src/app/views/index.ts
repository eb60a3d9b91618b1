// The screens by name. Each is its own chunk, loaded when it is first shown.
import type { Component } from 'svelte';
import type { ViewName } from '../state/route';

const loaders: Record<ViewName, () => Promise<{ default: Component }>> = {
  chat: () => import('./chat/ChatView.svelte'),
  tune: () => import('./tune/TuneView.svelte'),
  data: () => import('./data/DataView.svelte'),
  models: () => import('./models/ModelsView.svelte'),
  settings: () => import('./settings/SettingsView.svelte'),
  welcome: () => import('./welcome/WelcomeView.svelte'),
};

/** @throws where the chunk cannot be fetched. */
export async function loadView(name: ViewName): Promise<Component> {
  return (await loaders[name]()).default;
}
