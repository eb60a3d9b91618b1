// Whole builds from what lies elsewhere: a table of addresses and a dataset of a hub, from their configuration to samples.
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { AddressServer } from '../../tests/support/address-server';
import { HubServer } from '../../tests/support/hub-server';
import { activateNotebook } from '../../tests/support/open-notebook';
import { HUGGING_FACE } from '../data/backends/huggingface-backend';
import { createBackendFactory, type BackendFactory } from '../data/builders/backend-factory';
import { memoryData, type MemoryData } from '../data/testing/memory-data';
import { browserClock } from '../lib/async/browser-clock';
import type { BackendBuildEvent, BackendConfigJson, BackendSecrets } from '../protocol/backends';
import type { BackendService } from './backend-service';
import { asBuilt, backendService, connectAndBuild, textsOf } from './testing/backend-service-fixture';

let addresses: AddressServer;
let hub: HubServer;
let hubAddress: string;
let data: MemoryData;
let factory: BackendFactory;
let service: BackendService;

beforeAll(async () => {
  [addresses, hub] = await Promise.all([AddressServer.start(), HubServer.start()]);
});
afterAll(() => Promise.all([addresses.stop(), hub.stop()]));

/** The hub's own addresses lead to the local one. */
const toLocal: typeof fetch = (input, init) => {
  const { url } = new Request(input);
  const local = [HUGGING_FACE.hub, HUGGING_FACE.datasetsServer].reduce(
    (to, known) => to.replace(known, hub.url),
    url,
  );
  return fetch(local, init);
};

beforeEach(async () => {
  addresses.answers.clear();
  hubAddress = HUGGING_FACE.hub;
  data = await memoryData();
  factory = createBackendFactory();
  service = backendService(data, {
    factory,
    network: { fetch: toLocal, clock: browserClock, online: () => true },
    hubEndpoint: () => Promise.resolve(hubAddress),
  });
});

const build = (config: BackendConfigJson, secrets: BackendSecrets = {}) =>
  connectAndBuild(service, config, secrets);

const sortedTexts = async (event: BackendBuildEvent): Promise<string[]> =>
  (await textsOf(asBuilt(event).dataset, data)).sort();

describe('builds from elsewhere', () => {
  it('csv: texts at addresses become samples, and the report names the address that gave none', async () => {
    addresses.answers.set('/a', { body: 'An anvil is heavy.' });
    addresses.answers.set('/list.csv', {
      body: `url,title\n${addresses.url}/a,Anvil\n${addresses.url}/gone,Tongs\n,Horn\n${addresses.url}/a,Anvil\n`,
    });
    const event = await build({
      id: 'list',
      dataset_type: 'text',
      type: 'csv',
      caption_strategy: 'csv',
      csv_file: `${addresses.url}/list.csv`,
      csv_caption_column: 'title',
      csv_cache_dir: 'list',
    });
    expect(await sortedTexts(event)).toEqual(['Anvil\n\nAn anvil is heavy.']);
    const report = event.type === 'built' ? event.backend.report : null;
    expect(report?.filtering).toMatchObject({
      ...{ total_processed: 4, not_found: 1, metadata_missing: 1, already_exists: 1 },
    });
    expect(report?.problems).toMatchObject([
      { line: 4, message: 'The column "url" is empty.' },
      { line: 3, message: `${addresses.url}/gone answered 404.` },
    ]);
  });

  it('huggingface: rows that its filter takes become samples', async () => {
    const columnData = [
      { name: 'words', data: ['An anvil.', 'Some tongs.', 'A horn.'], type: 'STRING' as const },
      { name: 'collection', data: ['good', 'bad', 'good'], type: 'STRING' as const },
    ];
    hub.add(
      'forge/texts',
      { 'default/train/0000.parquet': new Uint8Array(parquetWriteBuffer({ columnData })) },
      { gated: true },
    );
    hub.shownUrl = HUGGING_FACE.hub;
    hub.tokens.set('hf_secret', new Set(['forge/texts']));
    const config = {
      id: 'hub',
      dataset_type: 'text',
      type: 'huggingface',
      metadata_backend: 'huggingface',
      caption_strategy: 'huggingface',
      dataset_name: 'forge/texts',
      caption_column: 'words',
      filter_func: { collection: 'good' },
    };
    const event = await build(config, { huggingface_token: 'hf_secret' });
    expect(await sortedTexts(event)).toEqual(['A horn.', 'An anvil.']);
    hubAddress = hub.url;
    hub.shownUrl = null;
    expect(await sortedTexts(await build(config, { huggingface_token: 'hf_secret' }))).toHaveLength(2);
    const report = event.type === 'built' ? event.backend.report : null;
    expect(report?.filtering).toMatchObject({ total_processed: 3, filtered: 1 });
    expect(report?.nextSteps).toEqual([expect.stringContaining('left out by filter_func')]);
    const refused = await build(
      { ...config, filter_func: { collection: 'none' } },
      { huggingface_token: 'hf_secret' },
    );
    expect(refused).toMatchObject({ type: 'refused', report: { filtering: { filtered: 3 } } });
    expect(refused.type === 'refused' && refused.report.problems[0]?.message).toContain(
      'Left out: filtered 3.',
    );
    expect(await build(config)).toMatchObject({ type: 'failed', code: 'backend.denied' });
  });

  it('plugin: the example of the guide becomes a dataset, from its address to the samples', async () => {
    await activateNotebook(factory);
    addresses.answers.set('/index.json', { body: '["a/one.txt","two.md","gone.txt","cover.png"]' });
    addresses.answers.set('/a/one.txt', { body: 'An anvil is heavy.' });
    addresses.answers.set('/two.md', { body: 'Some tongs.' });
    const config = { id: 'notes', dataset_type: 'text', type: 'notebook', notebook_url: addresses.url };
    const event = await build(config);
    expect(await sortedTexts(event)).toEqual(['An anvil is heavy.', 'Some tongs.']);
    expect(event.type === 'built' && event.backend.report?.filtering).toMatchObject({ not_found: 1 });
    addresses.answers.set('/index.json', { status: 403 });
    expect(await build(config)).toMatchObject({
      type: 'failed',
      code: 'backend.denied',
      message: `${addresses.url}: the notebook did not answer: 403`,
    });
  });

  it('plugin: the guide shows the example as it is', async () => {
    const read = (path: string): Promise<string> =>
      readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
    const [guide, example] = await Promise.all([
      read('docs/guides/add-a-data-backend.md'),
      read('tests/support/notebook-backend.js'),
    ]);
    expect(/```js\n(.*?)```/s.exec(guide)?.[1]).toBe(example);
  });
});
