// Against a local server that behaves like the hub.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer, sha256 } from '../../../tests/support/hub-server';
import { HubClient } from './hub-client';

const ID = 'tiny/model';
const weights = new Uint8Array(5000).fill(7);
const FILES = { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': weights };

let hub: HubServer;
let waits: number[];

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  hub.faults = [];
  hub.pageSize = 1000;
  hub.repositories.clear();
  hub.tokens.clear();
  hub.requests.length = 0;
  hub.add(ID, FILES, { license: 'apache-2.0' });
  waits = [];
});

function client(endpoint = hub.url, online = true): HubClient {
  return new HubClient({
    fetch,
    endpoint,
    clock: {
      now: () => 0,
      sleep: (milliseconds) => {
        waits.push(milliseconds);
        return Promise.resolve();
      },
      dice: () => 1,
    },
    online: () => online,
  });
}

describe('hub client', () => {
  test('hub client: a repository with its commit, licence and files with their hashes', async () => {
    const repository = await client().inspect(ID, null);
    expect(repository).toMatchObject({ id: ID, revision: 'main', gated: false, license: 'apache-2.0' });
    expect(repository.commit).toBe(hub.repositories.get(ID)?.commit);
    expect(repository.choices[0]?.files).toContainEqual({
      path: 'model.safetensors',
      sizeBytes: 5000,
      checksum: { algorithm: 'sha256', hex: sha256(weights) },
    });
    // `printf '{}' | git hash-object --stdin`
    expect(repository.choices[0]?.files).toContainEqual({
      path: 'config.json',
      sizeBytes: 2,
      checksum: { algorithm: 'git-sha1', hex: '9e26dfeeb6e641a33dae4961196235bdb965b21b' },
    });
  });

  test('hub client: long listings are read to their end', async () => {
    hub.pageSize = 1;
    const repository = await client().inspect(ID, null);
    expect(repository.choices[0]?.files).toHaveLength(3);
  });

  test.each([
    ['a repository that is not there', 'no/such', null, 'hub.not-found', 'private one needs a token'],
    ['the same with a token', 'no/such', 'hf_good', 'hub.not-found', 'right account'],
    ['a revision that is not there', `${ID}@v9`, null, 'hub.revision-not-found', 'main one'],
    ['a gated one without a token', 'gated/model', null, 'hub.gated', 'make a token'],
    [
      'a gated one that the token may not read',
      'gated/model',
      'hf_good',
      'hub.gated',
      'account of the token',
    ],
    ['a token that is none', ID, 'hf_bad', 'hub.token-refused', 'make a new one'],
  ])('hub client: %s', async (_what, address, token, code, remedy) => {
    hub.add('gated/model', FILES, { gated: true });
    hub.tokens.set('hf_good', new Set());
    await expect(client().inspect(address, token)).rejects.toMatchObject({
      code,
      remedy: expect.stringContaining(remedy) as unknown,
    });
    expect(waits).toEqual([]);
  });

  test('hub client: a token that was given access opens a gated repository', async () => {
    hub.add('gated/model', FILES, { gated: true });
    hub.tokens.set('hf_good', new Set(['gated/model']));
    expect(await client().inspect('gated/model', 'hf_good')).toMatchObject({ gated: true });
  });

  test('hub client: waits and asks again when there are too many requests or the server stumbles', async () => {
    hub.faults = [
      {
        where: 'hub',
        path: /revision/,
        times: 1,
        kind: 'status',
        status: 429,
        headers: { 'Retry-After': '3' },
      },
      { where: 'hub', path: /tree/, times: 1, kind: 'status', status: 502 },
    ];
    expect(await client().inspect(ID, null)).toMatchObject({ id: ID });
    expect(waits).toEqual([3000, 500]);
  });

  test('hub client: says so when nobody answers', async () => {
    await expect(client('http://127.0.0.1:1').inspect(ID, null)).rejects.toMatchObject({
      code: 'download.unreachable',
    });
    await expect(client('http://127.0.0.1:1', false).inspect(ID, null)).rejects.toMatchObject({
      code: 'download.offline',
    });
  });

  test('hub client: an answer that is no listing is refused', async () => {
    hub.faults = [{ where: 'hub', path: /revision/, times: 1, kind: 'status', status: 200 }];
    await expect(client().inspect(ID, null)).rejects.toMatchObject({ code: 'hub.bad-answer' });
  });

  test('hub client: a token is not sent without encryption', async () => {
    await expect(client('http://hub.example').inspect(ID, 'hf_good')).rejects.toMatchObject({
      code: 'hub.insecure',
    });
  });
});
