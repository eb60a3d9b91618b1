// A model's way through the app: looked up on a hub, judged before its weights come, downloaded over a cut and a reload,
// fine-tuned; its adapter taken away and brought back; all of it deleted, and the space is free again.
import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import { HubServer } from '../support/hub-server';
import { asGguf, asGgufParts, asShards, besideWeights } from '../support/model-forms';
import type { NamedFile } from '../../src/protocol/models';
import { addSample, openApp, openView, runPane, runStatus, startRun } from './app';

const SHARDED = 'tiny/sharded';
const GATED = 'tiny/gated-gguf';
const TOKEN = 'hf_e2e_very_secret_7Qx9';
const CARD = '---\nlicense: mit\n---\n# Tiny\n\nMade of **random** numbers.';

/** A hundred and thirty-five million weights: 538 MB, and 94 MB of keys and values for 2048 tokens. */
const WIDE = {
  ...{ architectures: ['LlamaForCausalLM'], vocab_size: 49_152, hidden_size: 576, intermediate_size: 1536 },
  ...{ num_hidden_layers: 30, num_attention_heads: 9, num_key_value_heads: 3, rms_norm_eps: 1e-5 },
  ...{ max_position_embeddings: 8192, tie_word_embeddings: true, torch_dtype: 'bfloat16' },
};
const ZEROS = new Uint8Array(6_000_000);

let hub: HubServer;

test.beforeAll(async () => {
  hub = await HubServer.start();
  hub.add(SHARDED, { ...(await contents(asShards())), 'README.md': CARD }, { license: 'mit' });
  hub.add(GATED, await contents(await asGguf()), { gated: true });
  const beside = await contents(besideWeights());
  hub.add('tiny/other', {
    ...beside,
    'config.json': JSON.stringify({ architectures: ['MambaForCausalLM'] }),
    'model.safetensors': new Uint8Array(50_000),
  });
  hub.add('tiny/parts', await contents(await asGgufParts(3)));
  hub.add('tiny/wide', { ...beside, 'config.json': JSON.stringify(WIDE), 'model.safetensors': ZEROS });
  hub.add('tiny/large', { ...beside, 'tokenizer.json': new Uint8Array(300_000), 'model.safetensors': ZEROS });
  hub.tokens.set(TOKEN, new Set([GATED]));
});
test.afterAll(() => hub.stop());

async function contents(files: readonly NamedFile[]): Promise<Record<string, Uint8Array>> {
  const entries = files.map(
    async ({ name, blob }) => [name, new Uint8Array(await blob.arrayBuffer())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function useLocalHub(page: Page): Promise<void> {
  await openApp(page, '#/settings/hub');
  await page.getByRole('textbox', { name: 'Hub address' }).fill(hub.url);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await expect(page.getByText(`Models come from ${hub.url} now`)).toBeVisible();
}

async function lookUp(page: Page, address: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Repository on the hub' }).fill(address);
  await page.getByRole('button', { name: 'Look up' }).click();
}

const modelsInStorage = (page: Page) => page.locator('.legend__item').filter({ hasText: /^\s*Models/ });

test('hub: lookup, cut, pause, reload, resume; fine-tune; adapter out and in; deleted', async ({ page }) => {
  await useLocalHub(page);
  await openView(page, 'Models');
  const weights = /model-0000\d-of-00002/;

  await test.step('lookup: licence and fit are known before a byte of weights came', async () => {
    await lookUp(page, `${hub.url}/${SHARDED}`);
    const card = page.getByRole('region', { name: SHARDED });
    await expect(card).toContainText('Licence: mit');
    await expect(card.getByText('Chat and train')).toBeVisible();
    expect(hub.asked('cdn', weights)).toEqual([]);
  });

  await test.step('download: a cut is tried again, a pause outlives the tab', async () => {
    hub.faults = [
      { where: 'cdn', path: /00002-of/, kind: 'cut', afterBytes: 4000, times: 1 },
      { where: 'cdn', path: /00001-of/, kind: 'stall', afterBytes: 5000, times: 1 },
    ];
    await page.getByRole('button', { name: 'Download sharded, safetensors' }).click();
    await expect.poll(() => hub.asked('cdn', /00001-of/).length).toBe(1);
    const row = page.getByRole('group', { name: 'sharded, safetensors' });
    await expect
      .poll(async () => Number(await row.getByRole('progressbar').getAttribute('aria-valuenow')))
      .toBeGreaterThan(30);
    await row.getByRole('button', { name: 'Pause sharded, safetensors' }).click();
    await expect(row).toContainText('Paused');
    // How much of a broken connection's bytes arrive is the browser's affair; that it asks again is ours.
    expect(hub.asked('cdn', /00002-of/)).toHaveLength(2);
    await page.reload();
    await expect(row).toContainText('Paused');
    await row.getByRole('button', { name: 'Resume sharded, safetensors' }).click();
    await expect(page.getByRole('link', { name: 'Chat with sharded' })).toBeVisible();
    await expect(row).toBeHidden();
    expect(hub.asked('cdn', /00001-of/).at(-1)?.range).toMatch(/^bytes=[1-9]/);
    expect(await page.evaluate(() => fragua.data.listDownloads())).toEqual([]);
    await expect(modelsInStorage(page)).not.toContainText('0 B');
  });

  await test.step('origin and card: what the hub said of it', async () => {
    await expect(page.getByRole('link', { name: `${SHARDED} on the hub` })).toHaveAttribute(
      'href',
      new RegExp(`^${hub.url}/${SHARDED}/tree/`),
    );
    await page.getByRole('button', { name: 'More for sharded' }).click();
    await page.getByRole('menuitem', { name: 'Model card' }).click();
    const card = page.getByRole('dialog', { name: 'Model card of sharded' });
    await expect(card.getByRole('heading', { name: 'Tiny' })).toBeVisible();
    await expect(card).not.toContainText('license: mit');
    await card.getByRole('button', { name: 'Close' }).click();
  });

  await test.step('fine-tune: a few steps on it', async () => {
    const id = await page.evaluate(
      async () => (await fragua.engine.listModels()).find(({ name }) => name === 'sharded')?.id ?? '',
    );
    await addSample(page);
    await openView(page, 'Fine-tune');
    await page.getByRole('form', { name: 'New run' }).getByLabel('Base model').selectOption(id);
    await startRun(page, { steps: 3 });
    await expect(runStatus(page)).toHaveText('Finished');
    await expect(runPane(page)).toContainText('sharded');
  });

  const exported = await test.step('export: the adapter leaves', async () => {
    await openView(page, 'Models');
    await page.getByRole('button', { name: 'Export run-1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export run-1' });
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Export' }).click();
    return unzipSync(await readFile(await (await download).path()));
  });

  await test.step('import: it comes back as another one of the same base', async () => {
    await page.getByRole('tab', { name: 'From a file' }).click();
    await page
      .getByLabel('Choose files')
      .first()
      .setInputFiles(
        Object.entries(exported).map(([path, bytes]) => ({
          name: path.split('/').at(-1) ?? path,
          mimeType: 'application/octet-stream',
          buffer: Buffer.from(bytes),
        })),
      );
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('returned');
    await page.getByLabel('Base model').selectOption({ label: 'sharded' });
    await page.getByRole('button', { name: 'Import', exact: true }).last().click();
    await expect(page.getByRole('link', { name: 'Chat with returned' })).toBeVisible();
  });

  await test.step('delete: adapter and model, and the space is free', async () => {
    for (const name of ['returned', 'sharded']) {
      await page.getByRole('button', { name: `More for ${name}` }).click();
      await page.getByRole('menuitem', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await expect(page.getByRole('link', { name: `Chat with ${name}` })).toBeHidden();
    }
    await expect(modelsInStorage(page)).toContainText('0 B');
    expect(await page.evaluate(() => fragua.engine.listAdapters())).toEqual([]);
  });
});

test('hub: a gated repository wants a token; an unknown architecture is refused before its weights', async ({
  page,
}) => {
  await useLocalHub(page);
  await openView(page, 'Models');

  await test.step('gated: said, with the way to the token', async () => {
    await lookUp(page, GATED);
    await expect(page.getByRole('alert')).toContainText(`${GATED} is for those only who accepted its terms.`);
    await page.getByRole('alert').getByRole('link', { name: 'Access token' }).click();
    await page.getByLabel('New token').fill(TOKEN);
    await page.getByRole('button', { name: 'Keep token' }).click();
    await expect(page.getByText('Kept, ends in 7Qx9')).toBeVisible();
    await expect(page.getByLabel('New token')).toHaveValue('');
  });

  await test.step('with the token: a GGUF file is judged by its header and installed', async () => {
    await openView(page, 'Models');
    await lookUp(page, GATED);
    await expect(page.getByRole('region', { name: GATED }).getByText('Chat and train')).toBeVisible();
    await page.getByRole('button', { name: 'Download gated F32, gguf' }).click();
    await expect(page.getByRole('link', { name: 'Chat with gated F32' })).toBeVisible();
    expect(hub.asked('cdn', /./).filter(({ authorization }) => authorization !== null)).toEqual([]);
  });

  await test.step('in parts: GGUF that was split is one choice, and one model', async () => {
    await lookUp(page, 'tiny/parts');
    await expect(page.getByRole('region', { name: 'tiny/parts' }).getByText('Chat and train')).toBeVisible();
    await page.getByRole('button', { name: 'Download parts, gguf' }).click();
    await expect(page.getByRole('link', { name: 'Chat with parts' })).toBeVisible();
  });

  await test.step('unknown architecture: refused, with those that are known', async () => {
    await lookUp(page, 'tiny/other');
    await expect(page.getByRole('alert')).toContainText(
      'MambaForCausalLM is not supported; supported: LlamaForCausalLM',
    );
    await expect(page.getByRole('button', { name: 'Download other, safetensors' })).toBeDisabled();
    expect(hub.asked('cdn', /other\/model/)).toEqual([]);
  });

  await test.step('not there: 404 in words', async () => {
    await lookUp(page, 'tiny/nowhere');
    await expect(page.getByRole('alert')).toContainText('There is no repository tiny/nowhere');
  });

  await test.step('the token can be forgotten', async () => {
    await page.getByRole('link', { name: 'Token and address' }).click();
    await page.getByRole('button', { name: 'Forget token' }).click();
    await expect(page.getByRole('button', { name: 'Forget token' })).toBeHidden();
  });
});

test('fits: told for the memory that the user says there is, and anew when that changes', async ({
  page,
}) => {
  await useLocalHub(page);
  const card = page.getByRole('region', { name: 'tiny/wide' });
  const say = async (gigabytes: string): Promise<void> => {
    await openView(page, 'Settings');
    await page.getByRole('link', { name: 'Engine and diagnostics' }).click();
    const field = page.getByRole('textbox', { name: 'Memory for models (GB)' });
    await field.fill(gigabytes);
    await field.press('Enter');
    await field.blur();
    await openView(page, 'Models');
    await lookUp(page, 'tiny/wide');
  };

  await say('0.5');
  await expect(card.getByRole('button', { name: 'Does not fit' })).toBeVisible();
  await expect(card).toContainText('Fits in 500 MB');
  await expect(page.getByRole('row', { name: /Chispa/ })).toContainText('Chat and train');

  await say('0.64');
  await card.getByRole('button', { name: 'Chat only' }).click();
  const figures = page.getByRole('dialog', { name: 'Memory of wide, safetensors' });
  await expect(figures.getByRole('row', { name: /^32 bits/ })).toContainText('632 MB');
  await expect(figures).toContainText('Models may take 640 MB together.');
  await expect(figures).toContainText('The download takes 6');
  await page.keyboard.press('Escape');
  await expect(figures).toBeHidden();

  // Empty is unknown again: what is left is the limit of WebAssembly.
  await say('');
  await expect(card.getByRole('button', { name: 'Chat and train' })).toBeVisible();
  await expect(card).toContainText('Fits in 4.29 GB');
});

test.describe('where a service worker caches nothing meanwhile, which would count as used', () => {
  test.use({ serviceWorkers: 'block' });

  test('full storage in mid-download: what is here is kept, or removed by choice', async ({ page }) => {
    await useLocalHub(page);
    const browser = await page.context().newCDPSession(page);
    const { origin } = new URL(page.url());
    const used = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
    await browser.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: used + 2_000_000 });
    await openView(page, 'Models');
    const row = page.getByRole('group', { name: 'large, safetensors' });
    const kept = (): Promise<number[]> =>
      page.evaluate(async () => (await fragua.data.listDownloads()).map(({ keptBytes }) => keptBytes));

    await test.step('full: told, with what is here and both ways out', async () => {
      await lookUp(page, 'tiny/large');
      await page.getByRole('button', { name: 'Download large, safetensors' }).click();
      await expect(row).toContainText('No room left for model.safetensors');
      await expect(row.getByRole('button', { name: /^Remove / })).toBeVisible();
      expect((await kept())[0]).toBeGreaterThanOrEqual(300_000);
    });

    await test.step('kept: with room again it goes on from there', async () => {
      await browser.send('Storage.overrideQuotaForOrigin', { origin });
      hub.requests.length = 0;
      await row.getByRole('button', { name: 'Keep and try again' }).click();
      // All of it came; that these zeros are no model is found afterwards.
      await expect(row).toContainText('Not installed');
      expect(hub.asked('cdn', /tokenizer/)).toEqual([]);
      await row.getByRole('button', { name: 'Discard large, safetensors' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
      await expect(row).toBeHidden();
    });

    await test.step('removed: nothing of it stays', async () => {
      const now = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
      await browser.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: now + 2_000_000 });
      await page.getByRole('button', { name: 'Download large, safetensors' }).click();
      await row.getByRole('button', { name: /^Remove / }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
      await expect(row).toBeHidden();
      expect(await kept()).toEqual([]);
      const left = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
      expect(left - now).toBeLessThan(300_000);
    });
  });
});
