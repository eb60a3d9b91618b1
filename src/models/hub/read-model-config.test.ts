// What a repository's model is, asked of a local server that behaves like the hub, before any weights are fetched.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer } from '../../../tests/support/hub-server';
import { asGguf, asGgufParts, asSafetensors, ggufBlob, MODEL_JSON } from '../../../tests/support/model-forms';
import type { HubDownloadRequest } from '../../protocol/hub';
import type { NamedFile } from '../../protocol/models';
import { createModelFamilies } from '../families';
import { HubClient } from './hub-client';
import { readModelConfig } from './read-model-config';

const ID = 'tiny/model';
const families = createModelFamilies();
let hub: HubServer;
let waits: number;

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  hub.faults = [];
  hub.ranges = true;
  hub.requests.length = 0;
  hub.tokens.clear();
  hub.repositories.clear();
  waits = 0;
});

const client = (): HubClient =>
  new HubClient({
    fetch,
    endpoint: hub.url,
    clock: {
      now: () => 0,
      sleep: () => {
        waits += 1;
        return Promise.resolve();
      },
      dice: () => 0,
    },
    online: () => true,
  });

async function serve(files: readonly NamedFile[], gated = false): Promise<void> {
  const entries = files.map(
    async ({ name, blob }) => [name, new Uint8Array(await blob.arrayBuffer())] as const,
  );
  hub.add(ID, Object.fromEntries(await Promise.all(entries)), { gated });
}

/** Of the choice with that id, or the only one. */
async function request(id?: string, token: string | null = null): Promise<HubDownloadRequest> {
  const { commit, license, choices } = await client().inspect(ID, token);
  const choice = id === undefined ? choices[0] : choices.find((one) => one.id === id);
  if (choice === undefined) throw new Error(`There is no choice ${id}.`);
  hub.requests.length = 0;
  return { repositoryId: ID, commit, license, choice };
}

async function read(asked: HubDownloadRequest, token: string | null = null): Promise<unknown> {
  return JSON.parse(await readModelConfig(client(), asked, token, () => Promise.resolve(families.ggufForms)));
}

describe('read model config', () => {
  test('read model config: of safetensors its config.json, and not a byte of weights', async () => {
    await serve(asSafetensors());
    expect(await read(await request())).toEqual(MODEL_JSON);
    expect(hub.requests.map(({ path }) => path.split('/').at(-1))).toEqual(['config.json']);
  });

  test('read model config: of GGUF what its header says, read by ranges; both are the same model', async () => {
    await serve(await asGguf());
    const config = await read(await request());
    const [ofGguf, ofConfig] = [config, MODEL_JSON].map((json) => families.plan(json).plan);
    expect(ofGguf?.decoder).toEqual(ofConfig?.decoder);
    const ranges = hub.requests.map(({ range }) => range);
    expect(ranges.length).toBeGreaterThan(0);
    expect(ranges).not.toContain(null);
  });

  test('read model config: of a split GGUF what its parts say together', async () => {
    const parts = await asGgufParts(3);
    await serve(parts);
    const config = await read(await request());
    expect(families.plan(config).plan.decoder).toEqual(families.plan(MODEL_JSON).plan.decoder);
    const asked = new Set(hub.asked('cdn', /gguf/).map(({ path }) => path.split('/').at(-1)));
    expect(asked).toEqual(new Set(parts.map(({ name }) => name)));
  });

  test('read model config: a part that its header tells of and the repository has not', async () => {
    const [first] = await asGgufParts(3);
    await serve([{ name: 'm.gguf', blob: first?.blob ?? new Blob() }]);
    await expect(read(await request())).rejects.toMatchObject({
      code: 'hub.no-model',
      message: 'm.gguf is one of 3 parts, and part 2 is not there.',
    });
  });

  test('read model config: a configuration of megabytes is none, and is not fetched', async () => {
    await serve(asSafetensors());
    const asked = await request();
    const files = asked.choice.files.map((file) =>
      file.path === 'config.json' ? { ...file, sizeBytes: 5 * 2 ** 20 } : file,
    );
    await expect(read({ ...asked, choice: { ...asked.choice, files } })).rejects.toMatchObject({
      code: 'model.unsupported',
      message: 'config.json has 5242880 bytes: that is no configuration.',
    });
    expect(hub.requests).toEqual([]);
  });

  test('read model config: a choice without what describes it', async () => {
    await serve(asSafetensors());
    const asked = await request();
    const empty = { ...asked.choice, files: [] };
    await expect(read({ ...asked, choice: empty })).rejects.toMatchObject({ code: 'hub.no-model' });
    await expect(read({ ...asked, choice: { ...empty, format: 'gguf' } })).rejects.toMatchObject({
      code: 'hub.no-model',
    });
  });

  test('read model config: GGUF that cannot be read says why', async () => {
    await serve([
      {
        name: 'm.gguf',
        blob: await ggufBlob((metadata) =>
          metadata.set('general.architecture', { type: 'string', value: 'mamba' }),
        ),
      },
    ]);
    await expect(read(await request())).rejects.toMatchObject({
      code: 'model.unsupported',
      message: expect.stringContaining('mamba') as string,
    });
  });

  test('read model config: a connection that breaks off is tried again, and given up at last', async () => {
    await serve(await asGguf());
    const asked = await request();
    hub.faults = [{ where: 'cdn', path: /gguf/, kind: 'cut', afterBytes: 100, times: 2 }];
    await expect(read(asked)).resolves.toBeDefined();
    expect(waits).toBe(2);
    hub.faults = [{ where: 'cdn', path: /gguf/, kind: 'cut', afterBytes: 100, times: 99 }];
    await expect(read(asked)).rejects.toMatchObject({ code: 'download.cut' });
  });

  test('read model config: a server that gives less than it was asked for is not believed', async () => {
    await serve(await asGguf());
    const asked = await request();
    hub.faults = [{ where: 'cdn', path: /gguf/, kind: 'size', sizeBytes: 3000, times: 1 }];
    await expect(read(asked)).rejects.toMatchObject({ code: 'hub.bad-answer' });
  });

  test('read model config: a server without ranges is not asked for gigabytes', async () => {
    // Two windows of a megabyte: the header is in the first.
    const [file] = await asGguf();
    await serve([{ name: 'm.gguf', blob: new Blob([file?.blob ?? '', new Uint8Array(2 ** 21)]) }]);
    const asked = await request();
    hub.ranges = false;
    await expect(read(asked)).rejects.toMatchObject({
      code: 'hub.bad-answer',
      message: expect.stringContaining('the whole file instead of the range') as string,
    });
  });

  test('read model config: gated files go with a token to the hub, and without it elsewhere', async () => {
    await serve(await asGguf(), true);
    hub.tokens.set('hf_x', new Set([ID]));
    const asked = await request(undefined, 'hf_x');
    await expect(read(asked)).rejects.toMatchObject({ code: 'hub.gated' });
    hub.requests.length = 0;
    await expect(read(asked, 'hf_x')).resolves.toBeDefined();
    expect(hub.asked('hub', /gguf/).every(({ authorization }) => authorization === 'Bearer hf_x')).toBe(true);
    expect(hub.asked('cdn', /gguf/).every(({ authorization }) => authorization === null)).toBe(true);
  });
});
