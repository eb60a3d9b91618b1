// A plugin of the user's choice: added by its address after a clear question, used, switched off, removed, and nothing
// of it stays. It comes from another origin, as plugins do, so its server has to allow that.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test as base, type Page } from '@playwright/test';
import { openApp, openView, statusBar } from './app';

const PLUGIN = `export default {
  name: 'half-rate',
  version: '1.2.3',
  description: 'Half of the rate, from the first step to the last.',
  activate(registrar) {
    registrar.extend(registrar.factories.schedule, 'half', () => () => 0.5);
  },
};`;

const test = base.extend<{ address: string }>({
  address: async ({}, use) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' });
      response.end(PLUGIN);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await use(`http://localhost:${(server.address() as AddressInfo).port}/half-rate.js`);
    server.close();
  },
});

/** The schedules that a run can choose. */
async function shapes(page: Page): Promise<string[]> {
  await openView(page, 'Fine-tune');
  const select = page.getByLabel('Shape');
  await expect(select.getByRole('option', { name: 'Cosine' })).toBeAttached();
  return select.getByRole('option').allInnerTexts();
}

async function openPlugins(page: Page): Promise<void> {
  await openView(page, 'Settings');
  await page.getByRole('link', { name: 'Plugins' }).click();
  await expect(page.getByRole('switch', { name: 'wsd-schedule' })).toBeChecked();
}

async function offer(page: Page, address: string): Promise<void> {
  await page.getByRole('button', { name: 'Add from address' }).click();
  await page.getByRole('textbox', { name: 'Address of the module' }).fill(address);
  await page.getByRole('button', { name: 'Go on' }).click();
}

test('plugin: added by address, used, switched off, removed', async ({ page, address }) => {
  const plugin = page.getByRole('switch', { name: 'half-rate' });
  await openApp(page, '#/settings/plugins');
  await openPlugins(page);

  await test.step('an address that cannot be: refused with the reason', async () => {
    await offer(page, 'ftp://example.org/x.js');
    await page.getByRole('button', { name: 'Add and run' }).click();
    const refusal = page.getByRole('dialog', { name: 'The plugin cannot be read' });
    await expect(refusal).toContainText('is no address a plugin can come from');
    await refusal.getByRole('button', { name: 'Close' }).last().click();
  });

  await test.step('consent: nothing is loaded without it', async () => {
    await offer(page, address);
    const question = page.getByRole('dialog', { name: 'Run code from this address?' });
    await expect(question).toContainText(address);
    await question.getByRole('button', { name: 'Cancel' }).click();
    await expect(question).toBeHidden();
    await expect(plugin).toBeHidden();
    await offer(page, address);
    await page.getByRole('button', { name: 'Add and run' }).click();
    await expect(plugin).toBeChecked();
    await expect(page.getByText('1.2.3')).toBeVisible();
    expect(await shapes(page)).toContain('half');
  });

  await test.step('kept: it is there after a reload', async () => {
    await page.reload();
    await expect(statusBar(page)).toContainText('Processor (wasm)');
    expect(await shapes(page)).toContain('half');
  });

  await test.step('switched off, then removed: nothing stays', async () => {
    await openPlugins(page);
    // Where the mouse goes: on the knob that lies over the box.
    await plugin.locator('..').click();
    await expect(plugin).not.toBeChecked();
    await expect(plugin).toBeEnabled();
    expect(await shapes(page)).not.toContain('half');
    await openPlugins(page);
    await page.getByRole('button', { name: 'Remove half-rate' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await expect(plugin).toBeHidden();
    await page.reload();
    await openPlugins(page);
    await expect(plugin).toBeHidden();
  });
});
