// What the palette can do, made from the state of the moment. Each entry really does something; none is a placeholder.
import { formatBytes, LANGUAGES, t } from '../../i18n/index.svelte';
import type { AppServices } from '../../state/app-context';
import { changeLanguage } from '../../state/language';
import { startSampleRun } from '../../state/sample-run';
import { exportWorkspace } from '../../state/workspace';
import type { IconName } from '../icon-names';
import { NAVIGATION } from './navigation';
import type { PaletteEntry } from './palette-search';

export interface Command extends PaletteEntry {
  id: string;
  icon: IconName;
  meta?: string;
  run: () => void;
}

const SHOWN_CHATS = 6;
const LANGUAGE_NAMES = { en: 'English', es: 'Español' };

export function commands(app: AppServices): Command[] {
  return [...screens(app), ...actions(app), ...models(app)];
}

/** Kept conversations that hold the words. Nothing for an empty query, or where the search fails. */
export async function chatCommands(app: AppServices, query: string): Promise<Command[]> {
  if (query === '') return [];
  try {
    const found = await app.clients.features.searchConversations(query);
    return found.slice(0, SHOWN_CHATS).map(({ conversation }) => ({
      id: `chat-${conversation.id}`,
      group: t('shell.palette.chats'),
      title: conversation.title,
      icon: 'chat',
      run: () => app.router.go(`#/chat/${conversation.id}`),
    }));
  } catch {
    return [];
  }
}

function screens({ router }: AppServices): Command[] {
  return NAVIGATION.map((item) => ({
    id: `go-${item.view}`,
    group: t('shell.palette.go'),
    title: t(item.label),
    icon: item.icon,
    run: () => router.go(`#/${item.view}`),
  }));
}

function actions(app: AppServices): Command[] {
  const group = t('shell.palette.actions');
  const { router } = app;
  return [
    {
      id: 'new-chat',
      group,
      title: t('shell.palette.newChat'),
      icon: 'plus',
      run: () => router.go('#/chat?new=1'),
    },
    {
      id: 'learn',
      group,
      title: t('shell.palette.learn'),
      icon: 'tune',
      run: () => void startSampleRun(app),
    },
    {
      id: 'export-workspace',
      group,
      title: t('shell.palette.exportWorkspace'),
      icon: 'download',
      run: () => void exportWorkspace(app),
    },
    {
      id: 'self-test',
      group,
      title: t('shell.palette.selfTest'),
      icon: 'ok',
      run: () => router.go('#/settings/engine?test=1'),
    },
    ...themes(app, group),
    ...languages(app, group),
  ];
}

function themes({ preferences }: AppServices, group: string): Command[] {
  const others = (['light', 'dark', 'system'] as const).filter((theme) => theme !== preferences.values.theme);
  return others.map((theme) => ({
    id: `theme-${theme}`,
    group,
    title: t('shell.palette.theme', { name: t(`shell.theme.${theme}`) }),
    icon: theme === 'light' ? 'sun' : theme === 'dark' ? 'moon' : 'screen',
    run: () => preferences.set({ theme }),
  }));
}

function languages(app: AppServices, group: string): Command[] {
  const others = LANGUAGES.filter((language) => language !== app.preferences.values.language);
  return others.map((language) => ({
    id: `language-${language}`,
    group,
    title: t('shell.palette.language', { name: LANGUAGE_NAMES[language] }),
    icon: 'globe',
    keywords: 'language idioma',
    run: () => void changeLanguage(app, language),
  }));
}

function models({ library, router }: AppServices): Command[] {
  const group = t('shell.palette.models');
  const bases = library.chatModels.map((model): Command => ({
    id: `model-${model.id}`,
    group,
    title: t('shell.palette.chatWith', { name: model.name }),
    icon: 'models',
    meta: formatBytes(model.sizeBytes),
    run: () => router.go(`#/chat?model=${encodeURIComponent(model.id)}`),
  }));
  const adapters = library.adapters.map((adapter): Command => ({
    id: `adapter-${adapter.id}`,
    group,
    title: t('shell.palette.chatWith', { name: adapter.name }),
    icon: 'tune',
    meta: formatBytes(adapter.sizeBytes),
    run: () =>
      router.go(
        `#/chat?model=${encodeURIComponent(adapter.baseModelId)}&adapter=${encodeURIComponent(adapter.id)}`,
      ),
  }));
  return [...bases, ...adapters];
}
