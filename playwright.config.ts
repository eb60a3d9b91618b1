import { defineConfig } from '@playwright/test';
import { chromiumArguments, chromiumPath } from './scripts/chromium';

/** Port of the built app during e2e tests. */
const PORT = 4179;

const every = process.env['FRAGUA_TESTS'] === 'all';

export default defineConfig({
  testDir: 'tests/e2e',
  // Long ways through faults, whose parts the browser tests try as well.
  ...(every ? {} : { grepInvert: /@thorough/ }),
  outputDir: 'test-results',
  fullyParallel: false,
  workers: 1,
  // For a machine whose cores other processes keep busy: no test asserts how long something takes.
  timeout: 480_000,
  expect: { timeout: 120_000 },
  reporter: [['list'], ['json']],
  use: {
    actionTimeout: 60_000,
    baseURL: `http://localhost:${PORT}`,
    viewport: { width: 1440, height: 900 },
    // A trace of every test costs a good part of its time.
    trace: every ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
    // It caches the whole site for each test anew: those that need it allow it.
    serviceWorkers: every ? 'allow' : 'block',
    launchOptions: { executablePath: chromiumPath(), args: chromiumArguments },
  },
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --port ${PORT} --strictPort`,
    url: `http://localhost:${PORT}`,
    reuseExistingServer: false,
  },
});
