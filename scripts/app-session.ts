// A running Fragua for scripts: the built app served on a free port and opened in headless Chromium.
// The page's `fragua` handle (its clients) is how demo and benchmarks drive it. Whoever opens a session closes it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page } from 'playwright';
import { build, preview, type PreviewServer } from 'vite';
import type { BackendChoice } from '../src/protocol/engine';
import { chromiumArguments, chromiumPath } from './chromium';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface SessionOptions {
  backend: BackendChoice;
  /** Build first; false takes dist/ as it is. */
  build: boolean;
}

export class AppSession {
  readonly url: string;
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #server: PreviewServer;
  readonly #profile: string;
  readonly #backend: BackendChoice;

  private constructor(
    url: string,
    page: Page,
    context: BrowserContext,
    server: PreviewServer,
    profile: string,
    backend: BackendChoice,
  ) {
    this.url = url;
    this.page = page;
    this.context = context;
    this.#server = server;
    this.#profile = profile;
    this.#backend = backend;
  }

  /** Serves and opens the app; resolves once the first view stands. */
  static async open(options: SessionOptions): Promise<AppSession> {
    if (options.build) await build({ root, logLevel: 'warn' });
    const server = await preview({ root, logLevel: 'warn', preview: { port: 0, host: 'localhost' } });
    const profile = await mkdtemp(join(tmpdir(), 'fragua-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath(),
      args: chromiumArguments,
      viewport: { width: 1440, height: 900 },
    });
    const url = new URL(server.resolvedUrls?.local[0] ?? '');
    if (options.backend !== 'auto') url.searchParams.set('backend', options.backend);
    const page = context.pages()[0] ?? (await context.newPage());
    const session = new AppSession(url.href, page, context, server, profile, options.backend);
    await session.load();
    return session;
  }

  get browserVersion(): string {
    return this.context.browser()?.version() ?? 'unknown';
  }

  /** Opens the app anew, as after closing the tab. */
  async load(): Promise<void> {
    await this.page.goto(this.url);
    await this.page.waitForFunction(() => performance.getEntriesByName('fragua:ready').length > 0);
    // The page asks for it as well, some time later: a call that comes before would choose by itself.
    if (this.#backend !== 'auto') {
      await this.page.evaluate((choice) => fragua.engine.selectBackend(choice), this.#backend);
    }
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.#server.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}
