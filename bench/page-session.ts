// The benchmark page, built and served, in headless Chromium. Whoever opens it closes it.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright';
import { build, preview, type PreviewServer } from 'vite';
import { isolationHeaders } from '../vite.config';
import { chromiumArguments, chromiumPath } from '../scripts/chromium';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A folder for each process: two suites may run at once. */
const outDir = `${root}.cache/bench/${process.pid}`;

interface Opened {
  browser: Browser;
  page: Page;
}

async function loaded(browser: Browser, server: PreviewServer): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(server.resolvedUrls?.local[0] ?? '');
  await page.waitForFunction(() => 'bench' in globalThis);
  return page;
}

async function openPage(server: PreviewServer): Promise<Opened> {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments });
  return { browser, page: await loaded(browser, server) };
}

export class PageSession {
  #page: Page;
  #browser: Browser;
  readonly #server: PreviewServer;

  private constructor(server: PreviewServer, { page, browser }: Opened) {
    this.#page = page;
    this.#browser = browser;
    this.#server = server;
  }

  get page(): Page {
    return this.#page;
  }

  /** @param isolated from other sites, which shared memory needs. */
  static async open({ isolated = false } = {}): Promise<PageSession> {
    const site = {
      root: `${root}bench/page`,
      configFile: false,
      logLevel: 'warn',
      worker: { format: 'es' },
      build: {
        outDir,
        emptyOutDir: true,
        target: 'es2023',
        chunkSizeWarningLimit: 4000,
      },
    } as const;
    await build(site);
    const server = await preview({
      ...site,
      preview: { port: 0, host: 'localhost', headers: isolated ? isolationHeaders : {} },
    });
    return new PageSession(server, await openPage(server));
  }

  /** A browser with nothing on the GPU, whatever the old one was still computing. */
  async restart(): Promise<void> {
    await this.#browser.close();
    ({ page: this.#page, browser: this.#browser } = await openPage(this.#server));
  }

  /** A second page beside the first, with a device of its own; it closes with the session. */
  another(): Promise<Page> {
    return loaded(this.#browser, this.#server);
  }

  get browserVersion(): string {
    return this.#browser.version();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
    await rm(outDir, { recursive: true, force: true });
  }
}
