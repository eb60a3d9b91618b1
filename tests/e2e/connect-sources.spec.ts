// Sources over the network, connected by their forms in one visit: tried first, refused with wrong credentials, read, read again
// after the place failed. What opens them is in no store, no log and no file that leaves the page.
import { expect, test, type Page } from '@playwright/test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { AddressServer } from '../support/address-server';
import { HubServer } from '../support/hub-server';
import { S3_KEY, S3_SECRET, S3Server } from '../support/s3-server';
import { openApp, openView } from './app';
import { connectDialog, openConnectDialog, sourceRow } from './sources';
import { tracesOf } from './traces';

const BUCKET = 'ledgers';
const DATASET = 'forge/questions';
const TOKEN = 'hf_e2e_sources_9Kd2wQ';
const WRONG_SECRET = 'hush-this-opens-nothing';
const WRONG_TOKEN = 'hf_e2e_opens_nothing_4Zt';
const SECRETS = [S3_SECRET, S3_KEY, TOKEN, WRONG_SECRET, WRONG_TOKEN];

let s3: S3Server;
let addresses: AddressServer;
let hub: HubServer;

test.beforeAll(async () => {
  [s3, addresses, hub] = await Promise.all([S3Server.start(), AddressServer.start(), HubServer.start()]);
  await s3.createBucket(BUCKET);
  const rows = ['anvil', 'tongs', 'horn'].map((word) =>
    JSON.stringify({ prompt: `What is a ${word}?`, completion: 'A tool.' }),
  );
  await s3.put(BUCKET, 'year/one.jsonl', rows.join('\n'));
  addresses.answers.set('/anvil.txt', { body: 'An anvil is heavy.' });
  addresses.answers.set('/tongs.md', { body: 'Some tongs.' });
  addresses.answers.set('/list.csv', {
    body: `url,title\n${addresses.url}/anvil.txt,Anvil\n${addresses.url}/tongs.md,Tongs\n`,
  });
  const columnData = [{ name: 'text', data: ['Iron is grey.', 'Coal is black.'], type: 'STRING' as const }];
  const table = new Uint8Array(parquetWriteBuffer({ columnData }));
  hub.add(DATASET, { 'default/train/0000.parquet': table }, { gated: true });
  hub.tokens.set(TOKEN, new Set([DATASET]));
});
test.afterAll(() => Promise.all([s3.stop(), addresses.stop(), hub.stop()]));

/** A field has a name in words, and the setting's own. */
const field = (page: Page, key: string) => connectDialog(page).getByLabel(new RegExp(`\\s${key}(\\s|$)`));

async function openForm(page: Page, kind: string, values: Record<string, string>): Promise<void> {
  await openConnectDialog(page);
  await connectDialog(page).getByRole('radio', { name: kind }).click();
  await enter(page, values);
}

async function enter(page: Page, values: Record<string, string>): Promise<void> {
  for (const [key, value] of Object.entries(values)) await field(page, key).fill(value);
}

async function tryIt(page: Page): Promise<void> {
  await connectDialog(page).getByRole('button', { name: 'Test connection' }).click();
}

/** Refused, and nothing that was typed is gone. */
async function expectRefusal(page: Page, words: RegExp, typed: Record<string, string>): Promise<void> {
  await tryIt(page);
  await expect(connectDialog(page).getByRole('alert')).toContainText(words);
  for (const [key, value] of Object.entries(typed)) await expect(field(page, key)).toHaveValue(value);
}

async function expectRows(page: Page, place: RegExp, cell: string | RegExp): Promise<void> {
  await tryIt(page);
  await expect(connectDialog(page).getByRole('status').filter({ hasText: place })).toBeVisible();
  await expect(connectDialog(page).getByRole('cell', { name: cell }).first()).toBeVisible();
}

async function connect(page: Page, name: string, rows: number): Promise<void> {
  await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
  await expect(sourceRow(page, name)).toContainText(`Ready to train ${rows}`);
}

const readAgain = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Dataset actions' }).click();
  await page.getByRole('menuitem', { name: 'Read again' }).click();
};

test('sources: S3, addresses and the hub by their forms; credentials are nowhere', async ({ page }) => {
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  await openApp(page, '#/settings/hub');
  await page.getByRole('textbox', { name: 'Hub address' }).fill(hub.url);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await expect(page.getByText(`${hub.url} now`)).toBeVisible();
  await openView(page, 'Data');

  await test.step('addresses: tried, read', async () => {
    await openForm(page, 'CSV of addresses', {
      id: 'list',
      csv_file: `${addresses.url}/list.csv`,
      csv_caption_column: 'title',
    });
    await expectRows(page, /2 files/, /Anvil|Tongs/);
    await connect(page, 'list', 2);
  });

  await test.step('S3: a wrong key is told and costs nothing; with the right one it is read', async () => {
    const typed = { id: 'bucket', aws_bucket_name: BUCKET, aws_endpoint_url: s3.url };
    await openForm(page, 'S3', { ...typed, aws_access_key_id: S3_KEY, aws_secret_access_key: WRONG_SECRET });
    await expectRefusal(page, /secret|key/i, typed);
    await enter(page, { aws_secret_access_key: S3_SECRET });
    await expectRows(page, /s3:\/\/ledgers: 1 file/, 'What is a anvil?');
    await connect(page, 'bucket', 3);
    await expect(sourceRow(page, 'list')).toContainText('Ready to train 2');
  });

  await test.step('hub: a wrong token is told; with the right one it is read', async () => {
    const typed = { id: 'hub', dataset_name: DATASET };
    await openForm(page, 'Hugging Face', { ...typed, huggingface_token: WRONG_TOKEN });
    await expectRefusal(page, /token/i, typed);
    await enter(page, { huggingface_token: TOKEN });
    await expectRows(page, /1 file/, 'Iron is grey.');
    await connect(page, 'hub', 2);
  });

  await test.step('bucket gone while it is read again: named, the rows stay, and Retry reads it', async () => {
    await sourceRow(page, 'bucket').click();
    s3.faults = [{ path: 'year/one.jsonl', times: 1, kind: 'status', status: 404, code: 'NoSuchBucket' }];
    await readAgain(page);
    const failed = page.getByRole('alert').filter({ hasText: BUCKET });
    await expect(failed).toBeVisible();
    await expect(page.getByRole('cell', { name: 'What is a anvil?' }).first()).toBeVisible();
    await failed.getByRole('button', { name: 'Try again' }).click();
    await expect(failed).toBeHidden();
    await expect(sourceRow(page, 'bucket')).toContainText('Ready to train 3');
  });

  await test.step('credentials: in no store, no log, no export', async () => {
    const traces = await tracesOf(page);
    expect(traces).toContain(BUCKET);
    expect(said.join('\n')).toContain('3 usable samples');
    const all = `${traces}\n${said.join('\n')}\n${await page.content()}`;
    expect(SECRETS.filter((secret) => all.includes(secret))).toEqual([]);
  });
});
