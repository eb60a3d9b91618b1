// The screens by name. Each is its own chunk, loaded when it is first shown.
import type { Component } from 'svelte';
import type { ViewName } from '../state/router.svelte';

const modules = import.meta.glob<{ default: Component }>('./*/*View.svelte');
const files: Record<ViewName, string> = {
  chat: './chat/ChatView.svelte',
  tune: './tune/TuneView.svelte',
  data: './data/DataView.svelte',
  models: './models/ModelsView.svelte',
  settings: './settings/SettingsView.svelte',
  welcome: './welcome/WelcomeView.svelte',
};

/** @throws where the chunk cannot be fetched. */
export async function loadView(name: ViewName): Promise<Component> {
  const load = modules[files[name]];
  if (load === undefined) throw new Error(`No screen ${files[name]}.`);
  return (await load()).default;
}
