// The data worker's hub calls behind the real clients, as far as they go without a hub.
import { afterAll, expect, test } from 'vitest';
import { createClients } from '../../src/app/clients/create-clients';

const clients = createClients({ groupName: `hub-${crypto.randomUUID()}` });
afterAll(() => clients.dispose());

test('hub calls: the data worker answers them, and its errors arrive whole', async () => {
  expect(await clients.data.listDownloads()).toEqual([]);
  await expect(clients.data.inspectRepository('not a name', null)).rejects.toMatchObject({
    code: 'hub.bad-address',
    remedy: expect.stringContaining('owner/name') as unknown,
  });
});

test('hub calls: a download that would leave its folder is refused and leaves nothing', async () => {
  const checksum = { algorithm: 'sha256' as const, hex: '0'.repeat(64) };
  const files = [{ path: '../../models/other/config.json', sizeBytes: 2, checksum }];
  const choice = {
    id: 'safetensors',
    format: 'safetensors' as const,
    quantisation: null,
    files,
    sizeBytes: 2,
  };
  const request = { repositoryId: 'a/b', commit: 'f'.repeat(40), license: null, choice };
  const read = async (): Promise<void> => {
    for await (const event of clients.data.downloadModel(request, null))
      expect(event.type).not.toBe('outcome');
  };
  await expect(read()).rejects.toMatchObject({ code: 'storage.bad-path' });
  expect(await clients.data.listDownloads()).toEqual([]);
});
