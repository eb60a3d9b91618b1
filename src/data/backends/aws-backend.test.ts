import { describe, expect, test } from 'vitest';
import { describeWritableBackend } from '../../../tests/contract/data-backend';
import { BucketFixture, failureOf, useBuckets } from '../../../tests/support/s3-fixture';
import type { DataBackend } from './data-backend';

const TOKEN = 'AQoDYXdzEPT//////////wEXAMPLEtoken==';
const CONTENT = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) % 256);
const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const given = useBuckets();

async function pathsOf(backend: DataBackend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list()) paths.push(path);
  return paths;
}

describeWritableBackend('aws', async () => {
  const fresh = await BucketFixture.fresh(given().server);
  return fresh.open({ config: { aws_data_prefix: '/some where/+deep/' } });
});

describe('AwsBackend', () => {
  test('aws: says which bucket and prefix, and nothing that opens it', async () => {
    const backend = given().open({
      config: { aws_data_prefix: 'data/' },
      secrets: { aws_session_token: TOKEN },
    });
    expect(backend.describe()).toEqual({
      id: 'bucket',
      type: 'aws',
      location: `s3://${given().bucket}/data`,
      writable: true,
    });
    await backend.check();
    expect(given().server.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
  });

  test('aws: sees and writes only what is below its prefix', async () => {
    await given().server.put(given().bucket, 'data/a.txt', 'a');
    await given().server.put(given().bucket, 'database/b.txt', 'b');
    const backend = given().open({ config: { aws_data_prefix: 'data' } });
    expect(await pathsOf(backend)).toEqual(['a.txt']);
    await backend.write('c.txt', text('c'));
    expect(await pathsOf(given().open())).toEqual(['data/a.txt', 'data/c.txt', 'database/b.txt']);
  });

  test('aws: goes through pages of a thousand keys', async () => {
    const names = Array.from({ length: 1005 }, (_, index) => `n/${String(index).padStart(5, '0')}.txt`);
    await given().server.putCopies(given().bucket, 'x', names);
    expect(await pathsOf(given().open())).toEqual(names);
    const pages = given().server.requests.filter(({ url }) => url.includes('list-type=2'));
    expect(pages).toHaveLength(2);
    expect(pages.every(({ url }) => url.includes('max-keys=1000'))).toBe(true);
    expect(pages.map(({ url }) => url.includes('continuation-token'))).toEqual([false, true]);
  });

  test('aws: the first of a hundred thousand keys comes after one page', async () => {
    let pages = 0;
    const paged: typeof fetch = () => {
      const page = pages++;
      const keys = Array.from({ length: 1000 }, (_, index) => page * 1000 + index);
      const entries = keys.map((key) => `<Contents><Key>${key}.txt</Key><Size>1</Size></Contents>`).join('');
      const more =
        page < 99
          ? `<IsTruncated>true</IsTruncated><NextContinuationToken>t${page}</NextContinuationToken>`
          : '';
      return Promise.resolve(new Response(`<ListBucketResult>${more}${entries}</ListBucketResult>`));
    };
    let count = 0;
    for await (const _file of given().open({ fetch: paged }).list()) {
      // The one it came with, and the one that is fetched meanwhile.
      if (count++ === 0) expect(pages).toBeLessThanOrEqual(2);
    }
    expect(count).toBe(100_000);
    expect(pages).toBe(100);
  });

  test('aws: a reader that stops lets the page go that was on its way', async () => {
    let aborted = false;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const paged: typeof fetch = (input) => {
      const request = input as Request;
      if (!request.url.includes('continuation-token')) {
        return Promise.resolve(
          new Response(
            '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>' +
              '<Contents><Key>a</Key></Contents></ListBucketResult>',
          ),
        );
      }
      begin();
      return new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          aborted = true;
          reject(request.signal.reason as Error);
        });
      });
    };
    const files = given().open({ fetch: paged }).list()[Symbol.asyncIterator]();
    expect((await files.next()).value).toEqual({ path: 'a', size: null, lastModified: null });
    await begun;
    await files.return?.();
    expect(aborted).toBe(true);
  });

  test.each(['<html>Welcome</html>', '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'])(
    'aws: an answer that is no listing is told (%s)',
    async (answer) => {
      const backend = given().open({ fetch: () => Promise.resolve(new Response(answer)) });
      const error = await failureOf(pathsOf(backend));
      expect(error).toMatchObject({ code: 'backend.unreachable' });
      expect(error.remedy).toContain('Check the address');
    },
  );

  test('aws: a listing that goes in a circle ends with an error', async () => {
    const circle =
      '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>';
    const backend = given().open({ fetch: () => Promise.resolve(new Response(circle)) });
    expect(await failureOf(pathsOf(backend))).toMatchObject({ code: 'backend.unreachable' });
  });

  test('aws: marks of folders, and keys that no address can name, are left out of the listing', async () => {
    const keys = ['a/', 'a/../b.txt', 'a//c.txt', 'ok.txt'];
    const entries = keys.map((key) => `<Contents><Key>${key}</Key><Size>0</Size></Contents>`).join('');
    const answer = `<ListBucketResult>${entries}</ListBucketResult>`;
    expect(await pathsOf(given().open({ fetch: () => Promise.resolve(new Response(answer)) }))).toEqual([
      'ok.txt',
    ]);
  });

  test('aws: reads only the part that is asked for', async () => {
    await given().server.put(given().bucket, 'big.bin', CONTENT);
    const source = await given().open().open('big.bin');
    const part = await source?.slice(100_000, 100_010).arrayBuffer();
    expect(new Uint8Array(part ?? [])).toEqual(CONTENT.slice(100_000, 100_010));
    expect(given().server.requests.map(({ method, range }) => [method, range])).toEqual([
      ['GET', 'bytes=0-65535'],
      ['GET', 'bytes=100000-100009'],
    ]);
  });

  test('aws: a small object comes with its opening, an empty one is there', async () => {
    await given().server.put(given().bucket, 'small.txt', 'small');
    await given().server.put(given().bucket, 'empty.txt', '');
    const source = await given().open().open('small.txt');
    const part = await source?.slice(1, 4).arrayBuffer();
    expect([source?.size, new TextDecoder().decode(part)]).toEqual([5, 'mal']);
    expect(given().server.requests).toHaveLength(1);
    expect((await given().open().open('empty.txt'))?.size).toBe(0);
  });

  test('aws: where the rules hide the size of parts, that of the whole is asked for', async () => {
    await given().server.put(given().bucket, 'big.bin', CONTENT);
    const hiding: typeof fetch = async (...request) => {
      const { body, status, headers } = await fetch(...request);
      const shown = new Headers(headers);
      shown.delete('Content-Range');
      return new Response(body, { status, headers: shown });
    };
    const source = await given().open({ fetch: hiding }).open('big.bin');
    expect(source?.size).toBe(CONTENT.length);
  });

  test('aws: a service without ranges is told, not read whole for every part', async () => {
    await given().server.put(given().bucket, 'big.bin', CONTENT);
    const source = await given().open().open('big.bin');
    given().fault({ kind: 'whole', method: 'GET' });
    const error = await failureOf(source?.slice(70_005, 70_010).arrayBuffer() ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'backend.unreachable' });
    expect(error.message).toContain('all of "big.bin"');
  });

  test('aws: never more requests at a time than its pool has', async () => {
    for (let index = 0; index < 30; index++) await given().server.put(given().bucket, `${index}`, 'x');
    given().server.mostAtOnce = 0;
    const backend = given().open({ config: { max_pool_connections: 3 } });
    await Promise.all(Array.from({ length: 30 }, (_, index) => backend.read(`${index}`)));
    expect(given().server.mostAtOnce).toBe(3);
    given().server.mostAtOnce = 0;
    await Promise.all(Array.from({ length: 30 }, (_, index) => given().open().read(`${index}`)));
    const wide = given().open();
    given().server.mostAtOnce = 0;
    await Promise.all(Array.from({ length: 30 }, (_, index) => wide.read(`${index}`)));
    expect(given().server.mostAtOnce).toBe(8);
  });

  test('aws: the region is learned from the service where none is set; one that is set is not overruled', async () => {
    given().server.region = 'eu-west-1';
    await given().open().check();
    await given()
      .open({ config: { aws_region_name: 'eu-west-1' } })
      .check();
    const error = await failureOf(
      given()
        .open({ config: { aws_region_name: 'us-east-2' } })
        .check(),
    );
    expect(error).toMatchObject({ code: 'backend.denied', details: { region: 'eu-west-1' } });
    expect(error.remedy).toContain('aws_region_name to eu-west-1');
  });

  test('aws: the session token comes along, signed', async () => {
    given().server.sessionToken = TOKEN;
    await given()
      .open({ secrets: { aws_session_token: TOKEN } })
      .check();
    expect(given().server.requests[0]?.headers['authorization']).toContain('x-amz-security-token');
  });

  test('aws: an object that becomes another one while it is read is told, never mixed', async () => {
    await given().server.put(given().bucket, 'big.bin', CONTENT);
    const source = await given().open().open('big.bin');
    await given().server.put(given().bucket, 'big.bin', CONTENT.toReversed());
    const gone = { code: 'backend.unreachable', details: { path: 'big.bin' } };
    const read = (): Promise<unknown> => source?.slice(70_000, 70_100).arrayBuffer() ?? Promise.resolve();
    expect(await failureOf(read())).toMatchObject(gone);
    await given().server.put(given().bucket, 'big.bin', 'x');
    expect(await failureOf(read())).toMatchObject(gone);
    await given().open().delete('big.bin');
    expect(await failureOf(read())).toMatchObject(gone);
  });

  test('aws: closing it ends what is under way', async () => {
    await given().server.put(given().bucket, 'big.bin', CONTENT);
    given().fault({ kind: 'stall', afterBytes: 10 });
    const backend = given().open();
    const reading = failureOf(backend.read('big.bin'));
    while (given().server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve));
    await backend.close();
    expect(await reading).toMatchObject({ code: 'backend.unreachable' });
  });
});
