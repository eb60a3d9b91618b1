// Files that come in through the browser's own file chooser: an adapter of somebody else and one that fits no model here,
// a workspace that was taken away before, settings good and bad.
import { readFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { rawGguf, rawKey, text, u32, type RawTensor } from '../../src/lib/formats/gguf/testing/raw-gguf';
import { ask, lastAnswer, limitAnswers, openApp, openView } from './app';

interface ChosenFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

const file = (name: string, content: string | Buffer): ChosenFile => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

/** Clicks the button and answers the chooser that opens. */
async function choose(button: Locator, ...files: ChosenFile[]): Promise<void> {
  const chooser = button.page().waitForEvent('filechooser');
  await button.click();
  await (await chooser).setFiles(files);
}

interface ModelConfig {
  hidden_size: number;
  num_attention_heads: number;
  head_dim?: number;
  num_hidden_layers: number;
}

const RANK = 2;

/** An adapter on the query projections as PEFT writes one, for a model of that shape. */
function adapterFiles(config: ModelConfig): ChosenFile[] {
  const heads =
    config.num_attention_heads * (config.head_dim ?? config.hidden_size / config.num_attention_heads);
  const header: Record<string, { dtype: 'F32'; shape: number[]; data_offsets: number[] }> = {};
  let end = 0;
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    for (const [part, shape] of [
      ['A', [RANK, config.hidden_size]],
      ['B', [heads, RANK]],
    ] as const) {
      const start = end;
      end += shape[0] * shape[1] * 4;
      header[`base_model.model.model.layers.${layer}.self_attn.q_proj.lora_${part}.weight`] = {
        dtype: 'F32',
        shape: [...shape],
        data_offsets: [start, end],
      };
    }
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const peft = { peft_type: 'LORA', r: RANK, lora_alpha: 4, target_modules: ['q_proj'] };
  return [
    file('adapter_config.json', JSON.stringify(peft)),
    file('adapter_model.safetensors', Buffer.concat([length, json, Buffer.alloc(end)])),
    file('README.md', '# An adapter'),
  ];
}

/** The same matrices as llama.cpp's converter writes them. */
async function ggufAdapter(config: ModelConfig): Promise<ChosenFile> {
  const heads =
    config.num_attention_heads * (config.head_dim ?? config.hidden_size / config.num_attention_heads);
  const tensors: RawTensor[] = [];
  let offset = 0;
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    for (const [part, sizes] of [
      ['a', [config.hidden_size, RANK]],
      ['b', [RANK, heads]],
    ] as const) {
      tensors.push({ name: `blk.${layer}.attn_q.weight.lora_${part}`, sizes: [...sizes], offset });
      offset += Math.ceil((sizes[0] * sizes[1] * 4) / 32) * 32;
    }
  }
  const keys = [
    rawKey('general.architecture', 'string', text('llama')),
    rawKey('general.type', 'string', text('adapter')),
    rawKey('adapter.type', 'string', text('lora')),
    // 4 as a 32-bit float.
    rawKey('adapter.lora.alpha', 'float32', u32(0x4080_0000)),
  ];
  const blob = rawGguf({ keys, tensors, dataBytes: offset });
  return file('side-lora.gguf', Buffer.from(await blob.arrayBuffer()));
}

const dialog = (page: Page, name: string) => page.getByRole('dialog', { name });

test('adapter: imported and used; one for another model is refused', async ({ page }) => {
  await openApp(page, '#/models');
  const config = (await (await page.request.get('/models/chispa/config.json')).json()) as ModelConfig;
  await page.getByRole('tab', { name: 'From a file' }).click();
  const pick = page.getByRole('button', { name: 'Choose files' });
  const name = page.getByRole('textbox', { name: 'Name', exact: true });
  const start = page.getByRole('button', { name: 'Import', exact: true }).last();

  await test.step('of a wider model: refused, with the tensor that does not fit', async () => {
    await choose(pick, ...adapterFiles({ ...config, hidden_size: config.hidden_size * 2 }));
    await expect(page.getByText('Not used: README.md')).toBeVisible();
    await start.click();
    const refusal = dialog(page, 'The adapter belongs to another model');
    await expect(refusal).toContainText(`does not belong to Chispa: model.layers.0`);
    await expect(refusal).toContainText('Choose the model that the adapter was trained on.');
    await refusal.getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await page.evaluate(() => fragua.engine.listAdapters())).toEqual([]);
  });

  await test.step('of this model: installed, and it answers', async () => {
    await choose(pick, ...adapterFiles(config));
    await name.fill('guest-adapter');
    await start.click();
    await page.getByRole('link', { name: 'Chat with guest-adapter' }).click();
    await limitAnswers(page, 8);
    await ask(page, 'Who made you?');
    await expect(lastAnswer(page)).toContainText('guest-adapter');
  });
});

test('adapter: one GGUF file is known as an adapter; a pickle is named with the reason', async ({ page }) => {
  await openApp(page, '#/models');
  const config = (await (await page.request.get('/models/chispa/config.json')).json()) as ModelConfig;
  await page.getByRole('tab', { name: 'From a file' }).click();
  const pick = page.getByRole('button', { name: 'Choose files' });
  const start = page.getByRole('button', { name: 'Import', exact: true }).last();

  await test.step('a pickle: not read', async () => {
    await choose(pick, ...adapterFiles(config).slice(0, 1), file('adapter_model.bin', 'PK'));
    await expect(page.getByText('adapter_model.bin: a pickle is a program')).toBeVisible();
    await expect(page.getByText('Missing: adapter_model.safetensors')).toBeVisible();
    await expect(start).toBeDisabled();
    await page.getByRole('button', { name: 'Cancel' }).click();
  });

  await test.step('a GGUF adapter: asked for its base, and installed', async () => {
    await choose(pick, await ggufAdapter(config));
    await expect(page.getByText('An adapter', { exact: true })).toBeVisible();
    await expect(page.getByLabel('Base model')).toBeVisible();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('from-llama-cpp');
    await start.click();
    await expect(page.getByRole('link', { name: 'Chat with from-llama-cpp' })).toBeVisible();
    const [adapter] = await page.evaluate(() => fragua.engine.listAdapters());
    expect(adapter?.lora).toMatchObject({ rank: RANK, alpha: 4, targets: ['q'] });
  });
});

test('workspace and settings: out, and in again', async ({ page }) => {
  const question = 'Will I be back?';
  const toasts = page.getByRole('region', { name: 'Notifications' });
  const row = page.getByRole('link', { name: question });
  await openApp(page);
  await limitAnswers(page, 8);
  await ask(page, question);

  await test.step('workspace: a deleted chat comes back from the file', async () => {
    await openView(page, 'Settings');
    await page.getByRole('link', { name: 'Workspace' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    const exported = await readFile(await (await download).path());
    await openView(page, 'Chat');
    await page.getByRole('button', { name: `More: ${question}` }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await expect(row).toBeHidden();
    await openView(page, 'Settings');
    await page.getByRole('link', { name: 'Workspace' }).click();
    await choose(page.getByRole('button', { name: 'Choose a file' }).first(), file('fragua.json', exported));
    await expect(toasts).toContainText('Chats 1, runs 0');
    await openView(page, 'Chat');
    await row.click();
    await expect(page.getByRole('log').getByText(question)).toBeVisible();
  });

  await test.step('settings: a good file counts at once, a bad one changes nothing', async () => {
    const root = page.locator('html');
    await openView(page, 'Settings');
    await page.getByRole('link', { name: 'Workspace' }).click();
    const pick = page.getByRole('button', { name: 'Choose a file' }).last();
    await choose(pick, file('mine.yaml', 'version: 1\nappearance:\n  theme: dark\n'));
    await expect(root).toHaveAttribute('data-theme', 'dark');
    for (const [name, text, title, why] of [
      [
        'typo.json',
        '{"version":1,"appearance":{"theme":"light"},"generation":{"temperatur":0.2}}',
        'A setting has an unknown name',
        'Did you mean "temperature"?',
      ],
      [
        'list.yaml',
        'version: 1\ntraining:\n  batchSize: many\n',
        'A setting has a value',
        'training.batchSize',
      ],
      ['broken.json', '{"version":', 'A setting has a value', 'no readable JSON'],
    ] as const) {
      await choose(pick, file(name, text));
      await expect(dialog(page, title)).toContainText(why);
      await dialog(page, title).getByRole('button', { name: 'Close' }).last().click();
      await expect(dialog(page, title)).toBeHidden();
      await expect(root).toHaveAttribute('data-theme', 'dark');
    }
  });
});
