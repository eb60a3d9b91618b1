import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeDataBackend } from '../../../tests/contract/data-backend';
import { S3_KEY, S3_SECRET, S3Server, type S3Fault } from '../../../tests/support/s3-server';
import { AppError } from '../../lib/errors';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import { AwsBackend, createAwsBackend } from './aws-backend';
import { readAwsSettings, type AwsSettings } from './aws/aws-settings';
import type { BackendOptions } from './backend-options';
import type { DataBackend } from './data-backend';

const TOKEN = 'AQoDYXdzEPT//////////wEXAMPLEtoken==';
const CONTENT = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) % 256);
const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const KEYS = { aws_access_key_id: S3_KEY, aws_secret_access_key: S3_SECRET };

let server: S3Server;
let bucket = '';
let waits: number[];
let skewMs = 0;

beforeAll(async () => {
  server = await S3Server.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.reset();
  waits = [];
  skewMs = 0;
  bucket = await freshBucket();
});

async function freshBucket(): Promise<string> {
  const name = `b-${crypto.randomUUID()}`;
  await server.createBucket(name);
  return name;
}

interface Given {
  config?: Record<string, unknown>;
  secrets?: Record<string, string>;
  fetch?: typeof fetch;
  online?: boolean;
}

const open = (given: Given = {}): DataBackend => createAwsBackend(optionsOf(given));

function optionsOf({ config = {}, secrets = {}, ...rest }: Given): BackendOptions {
  return {
    config: { id: 'bucket', aws_bucket_name: bucket, aws_endpoint_url: server.url, ...config },
    secrets: { ...KEYS, ...secrets },
    folder: null,
    blobs: new MemoryBlobStore(),
    fetch: rest.fetch ?? fetch,
    online: () => rest.online ?? true,
    clock: {
      now: () => Date.now() + skewMs,
      sleep: (milliseconds, signal) => {
        waits.push(milliseconds);
        return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve();
      },
      dice: () => 1,
    },
  };
}

const settings = (): AwsSettings => {
  const { config, secrets } = optionsOf({});
  return readAwsSettings(config, secrets);
};

const fault = (given: Partial<S3Fault> & Pick<S3Fault, 'kind'>): void => {
  server.faults = [{ path: bucket, times: 1, ...given } as S3Fault];
};

async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  if (isAppError(error)) return error;
  throw error;
}

const isAppError = (error: unknown): error is AppError => error instanceof AppError;

/** Faster than a comparison that could show two hundred thousand differences. */
const isContent = (bytes: Uint8Array | null): boolean => bytes !== null && Buffer.from(CONTENT).equals(bytes);

async function collect(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function pathsOf(backend: DataBackend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list()) paths.push(path);
  return paths;
}

describeDataBackend('aws', async () => {
  const config = { aws_bucket_name: await freshBucket(), aws_data_prefix: '/some where/+deep/' };
  return open({ config });
});

describe('AwsBackend', () => {
  test('aws: says which bucket and prefix, and nothing that opens it', async () => {
    const backend = open({ config: { aws_data_prefix: 'data/' }, secrets: { aws_session_token: TOKEN } });
    expect(backend.describe()).toEqual({
      id: 'bucket',
      type: 'aws',
      location: `s3://${bucket}/data`,
      writable: true,
    });
    await backend.check();
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
  });

  test('aws: sees and writes only what is below its prefix', async () => {
    await server.put(bucket, 'data/a.txt', 'a');
    await server.put(bucket, 'database/b.txt', 'b');
    const backend = open({ config: { aws_data_prefix: 'data' } });
    expect(await pathsOf(backend)).toEqual(['a.txt']);
    await backend.write('c.txt', text('c'));
    expect(await pathsOf(open())).toEqual(['data/a.txt', 'data/c.txt', 'database/b.txt']);
  });

  test('aws: goes through pages of a thousand keys', async () => {
    const names = Array.from({ length: 2050 }, (_, index) => `n/${String(index).padStart(5, '0')}.txt`);
    await server.putCopies(bucket, 'x', names);
    expect(await pathsOf(open())).toEqual(names);
    const pages = server.requests.filter(({ url }) => url.includes('list-type=2'));
    expect(pages).toHaveLength(3);
    expect(pages.every(({ url }) => url.includes('max-keys=1000'))).toBe(true);
    expect(pages.map(({ url }) => url.includes('continuation-token'))).toEqual([false, true, true]);
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
    for await (const _file of open({ fetch: paged }).list()) {
      // The one it came with, and the one that is fetched meanwhile.
      if (count++ === 0) expect(pages).toBeLessThanOrEqual(2);
    }
    expect(count).toBe(100_000);
    expect(pages).toBe(100);
  });

  test('aws: a reader that stops lets the page go that was on its way', async () => {
    let aborted = false;
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
      return new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          aborted = true;
          reject(request.signal.reason as Error);
        });
      });
    };
    const files = open({ fetch: paged }).list()[Symbol.asyncIterator]();
    expect((await files.next()).value).toEqual({ path: 'a', size: null, lastModified: null });
    await new Promise((resolve) => setTimeout(resolve));
    await files.return?.();
    expect(aborted).toBe(true);
  });

  test.each(['<html>Welcome</html>', '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'])(
    'aws: an answer that is no listing is told (%s)',
    async (answer) => {
      const backend = open({ fetch: () => Promise.resolve(new Response(answer)) });
      const error = await failureOf(pathsOf(backend));
      expect(error).toMatchObject({ code: 'backend.unreachable' });
      expect(error.remedy).toContain('Check the address');
    },
  );

  test('aws: a listing that goes in a circle ends with an error', async () => {
    const circle =
      '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>';
    const backend = open({ fetch: () => Promise.resolve(new Response(circle)) });
    expect(await failureOf(pathsOf(backend))).toMatchObject({ code: 'backend.unreachable' });
  });

  test('aws: marks of folders, and keys that no address can name, are left out of the listing', async () => {
    const keys = ['a/', 'a/../b.txt', 'a//c.txt', 'ok.txt'];
    const entries = keys.map((key) => `<Contents><Key>${key}</Key><Size>0</Size></Contents>`).join('');
    const answer = `<ListBucketResult>${entries}</ListBucketResult>`;
    expect(await pathsOf(open({ fetch: () => Promise.resolve(new Response(answer)) }))).toEqual(['ok.txt']);
  });

  test('aws: reads only the part that is asked for', async () => {
    await server.put(bucket, 'big.bin', CONTENT);
    const source = await open().open('big.bin');
    const part = await source?.slice(100_000, 100_010).arrayBuffer();
    expect(new Uint8Array(part ?? [])).toEqual(CONTENT.slice(100_000, 100_010));
    expect(server.requests.map(({ method, range }) => [method, range])).toEqual([
      ['HEAD', null],
      ['GET', 'bytes=100000-100009'],
    ]);
  });

  test('aws: a service without ranges is told, not read whole for every part', async () => {
    await server.put(bucket, 'big.bin', CONTENT);
    const source = await open().open('big.bin');
    fault({ kind: 'whole', method: 'GET' });
    const error = await failureOf(source?.slice(5, 10).arrayBuffer() ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'backend.unreachable' });
    expect(error.message).toContain('all of "big.bin"');
  });

  test('aws: never more requests at a time than its pool has', async () => {
    for (let index = 0; index < 30; index++) await server.put(bucket, `${index}`, 'x');
    server.mostAtOnce = 0;
    const backend = open({ config: { max_pool_connections: 3 } });
    await Promise.all(Array.from({ length: 30 }, (_, index) => backend.read(`${index}`)));
    expect(server.mostAtOnce).toBe(3);
    server.mostAtOnce = 0;
    await Promise.all(Array.from({ length: 30 }, (_, index) => open().read(`${index}`)));
    const wide = open();
    server.mostAtOnce = 0;
    await Promise.all(Array.from({ length: 30 }, (_, index) => wide.read(`${index}`)));
    expect(server.mostAtOnce).toBe(8);
  });

  describe('what may pass is tried again', () => {
    test('aws: five times after the first, waiting longer each time, then the service is named', async () => {
      await server.put(bucket, 'a.txt', 'a');
      fault({ kind: 'status', status: 503, code: 'SlowDown', times: 5 });
      expect(await open().read('a.txt')).toEqual(text('a'));
      expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
      waits = [];
      fault({ kind: 'status', status: 503, code: 'SlowDown', times: 6 });
      const error = await failureOf(open().read('a.txt'));
      expect(error).toMatchObject({ code: 'backend.unreachable', details: { status: 503 } });
      expect(waits).toHaveLength(5);
    });

    test.each([500, 502, 503, 429])('aws: a write after status %d arrives', async (status) => {
      fault({ kind: 'status', status, method: 'PUT' });
      await open().write('a.txt', text('a'));
      expect(await open().read('a.txt')).toEqual(text('a'));
      expect(waits).toEqual([500]);
    });

    test('aws: a service that names a time is asked again no sooner', async () => {
      fault({ kind: 'status', status: 429, headers: { 'Retry-After': '7' } });
      expect(await pathsOf(open())).toEqual([]);
      expect(waits).toEqual([7000]);
    });

    test('aws: a body that is cut is read again, a stream goes on from where it was', async () => {
      await server.put(bucket, 'big.bin', CONTENT);
      fault({ kind: 'cut', afterBytes: 1000, method: 'GET' });
      expect(isContent(await open().read('big.bin'))).toBe(true);
      expect(waits).toEqual([500]);
      server.requests.length = 0;
      fault({ kind: 'cut', afterBytes: 70_000, method: 'GET', times: 2 });
      expect(isContent(await collect(await open().openStream('big.bin')))).toBe(true);
      const [first, second, third] = server.requests.map(({ range }) => range);
      expect(first).toBeNull();
      // What arrived of the cut ones is not asked for again; how much that is, the network decides.
      for (const range of [second, third]) expect(range).toMatch(/^bytes=[1-9]\d*-199999$/);
    });

    test('aws: a slow answer is waited for, a silent one is asked for again', async () => {
      await server.put(bucket, 'big.bin', CONTENT);
      fault({ kind: 'slow', pieces: 5, pauseMs: 5, method: 'GET' });
      expect(isContent(await open().read('big.bin'))).toBe(true);
      expect(waits).toEqual([]);
      fault({ kind: 'stall', afterBytes: 70_000, method: 'GET', times: 2 });
      const hasty = new AwsBackend({ ...settings(), ...optionsOf({}), stallMs: 100 });
      expect(isContent(await hasty.read('big.bin'))).toBe(true);
      expect(waits).toEqual([500, 1000]);
      fault({ kind: 'stall', afterBytes: 70_000, method: 'GET', times: 1 });
      expect(isContent(await collect(await hasty.openStream('big.bin')))).toBe(true);
      expect(server.requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d*-199999$/);
    });

    test('aws: a service that cannot be reached is told with its name and what CORS has to allow', async () => {
      const error = await failureOf(open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' } }).read('a'));
      expect(error).toMatchObject({ code: 'backend.unreachable', details: { host: '127.0.0.1:9' } });
      for (const word of ['CORS', 'Authorization', 'x-amz-*', 'Range', 'ETag', 'Content-Length']) {
        expect(error.remedy).toContain(word);
      }
      expect(waits).toHaveLength(5);
      const offline = open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' }, online: false });
      expect((await failureOf(offline.read('a'))).message).toContain('offline');
    });

    test('aws: a first look gives up after one more try', async () => {
      await failureOf(open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' } }).check());
      expect(waits).toEqual([500]);
    });
  });

  describe('what will not pass is told at once', () => {
    test.each([
      ['an unknown key', { aws_access_key_id: 'NOBODY' }, 'does not know the access key'],
      ['a wrong secret', { aws_secret_access_key: 'wrong' }, 'secret does not belong to the access key'],
      ['an old token', { aws_session_token: 'old' }, 'session token has expired'],
    ])('aws: %s', async (_name, secrets, words) => {
      server.sessionToken = 'aws_session_token' in secrets ? TOKEN : null;
      const error = await failureOf(open({ secrets }).check());
      expect(error).toMatchObject({ code: 'backend.denied' });
      expect(error.message).toContain(words);
      expect(waits).toEqual([]);
    });

    test.each([401, 403])('aws: status %d without a word', async (status) => {
      fault({ kind: 'status', status, times: 2 });
      const error = await failureOf(open().read('a.txt'));
      expect(error).toMatchObject({ code: 'backend.denied', details: { status } });
      expect(waits).toEqual([]);
    });

    test.each([
      [20 * 60_000, '20 minutes ahead of'],
      [-3 * 3_600_000, '180 minutes behind'],
    ])('aws: a clock that is %d ms off is told as such', async (off, words) => {
      skewMs = off;
      const error = await failureOf(open().check());
      expect(error).toMatchObject({ code: 'backend.denied', details: { code: 'RequestTimeTooSkewed' } });
      expect(error.message).toContain(words);
      expect(error.remedy).toContain('Set the clock');
      expect(waits).toEqual([]);
    });

    test('aws: a bucket that is not there is missing, also where a file is asked for', async () => {
      const backend = open({ config: { aws_bucket_name: 'no-such-bucket' } });
      const missing = { code: 'backend.missing', details: { bucket: 'no-such-bucket' } };
      expect(await failureOf(backend.check())).toMatchObject(missing);
      expect(await failureOf(backend.read('a.txt'))).toMatchObject(missing);
      expect(await failureOf(backend.write('a.txt', text('a')))).toMatchObject(missing);
    });

    test('aws: a page of something else is told', async () => {
      fault({ kind: 'page' });
      expect((await failureOf(open().check())).message).toContain('gave no answer that makes sense');
    });
  });

  test('aws: the region is learned from the service where none is set; one that is set is not overruled', async () => {
    server.region = 'eu-west-1';
    await open().check();
    await open({ config: { aws_region_name: 'eu-west-1' } }).check();
    const error = await failureOf(open({ config: { aws_region_name: 'us-east-2' } }).check());
    expect(error).toMatchObject({ code: 'backend.denied', details: { region: 'eu-west-1' } });
    expect(error.remedy).toContain('aws_region_name to eu-west-1');
  });

  test('aws: the session token comes along, signed', async () => {
    server.sessionToken = TOKEN;
    await open({ secrets: { aws_session_token: TOKEN } }).check();
    expect(server.requests[0]?.headers['authorization']).toContain('x-amz-security-token');
  });

  test('aws: an object that becomes another one while it is read is told, never mixed', async () => {
    await server.put(bucket, 'big.bin', CONTENT);
    const source = await open().open('big.bin');
    await server.put(bucket, 'big.bin', CONTENT.toReversed());
    const gone = { code: 'backend.unreachable', details: { path: 'big.bin' } };
    expect(await failureOf(source?.slice(0, 10).arrayBuffer() ?? Promise.resolve())).toMatchObject(gone);
    await server.put(bucket, 'big.bin', 'x');
    expect(await failureOf(source?.slice(100, 200).arrayBuffer() ?? Promise.resolve())).toMatchObject(gone);
    await open().delete('big.bin');
    expect(await failureOf(source?.slice(0, 10).arrayBuffer() ?? Promise.resolve())).toMatchObject(gone);
  });

  test('aws: closing it ends what is under way', async () => {
    await server.put(bucket, 'big.bin', CONTENT);
    fault({ kind: 'stall', afterBytes: 10 });
    const backend = open();
    const reading = failureOf(backend.read('big.bin'));
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve));
    await backend.close();
    expect(await reading).toMatchObject({ code: 'backend.unreachable' });
  });

  test('aws: another host is never asked, wherever the service points', async () => {
    const elsewhere = await S3Server.start();
    try {
      fault({
        kind: 'status',
        status: 307,
        headers: { Location: `${elsewhere.url}/${bucket}/a.txt` },
        times: 9,
      });
      const secrets = { aws_session_token: TOKEN };
      expect(await failureOf(open({ secrets }).read('a.txt'))).toMatchObject({ code: 'backend.unreachable' });
      expect(elsewhere.requests).toEqual([]);
    } finally {
      await elsewhere.stop();
    }
  });

  test('aws: no error and no description holds a credential, whatever goes wrong', async () => {
    const secret = 'the-wrong-Secret/+=key';
    const secrets = {
      aws_access_key_id: 'AKIDEXAMPLE',
      aws_secret_access_key: secret,
      aws_session_token: TOKEN,
    };
    const echo = `<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><Region>${secret}</Region><StringToSign>${TOKEN}</StringToSign>`;
    const errors: unknown[] = [];
    const note = async (call: Promise<unknown>): Promise<void> => void errors.push(await failureOf(call));
    await note(open({ secrets }).check());
    await note(open({ secrets: { ...secrets, aws_access_key_id: S3_KEY } }).check());
    for (const [status, code] of [
      [403, 'AccessDenied'],
      [403, 'RequestTimeTooSkewed'],
      [400, 'AuthorizationHeaderMalformed'],
      [400, 'AKIDEXAMPLE'],
      [403, secret],
      [404, 'NoSuchBucket'],
      [503, 'SlowDown'],
    ] as const) {
      fault({ kind: 'status', status, code, more: echo, times: 9 });
      await note(open({ secrets }).check());
      await note(open({ secrets }).write('a.txt', text('a')));
    }
    await note(open({ secrets, config: { aws_endpoint_url: 'http://127.0.0.1:9' } }).read('a'));
    expect(errors).toHaveLength(17);
    const told = errors.map(everything).join('\n') + everything(open({ secrets }).describe());
    expect(told).toContain('backend.denied');
    for (const word of [secret, TOKEN, 'Signature=', 'AKIDEXAMPLE']) expect(told).not.toContain(word);
  });
});

/** All that can be read off a value, causes and hidden properties too. */
function everything(value: unknown): string {
  const seen = new Set<unknown>();
  const walk = (part: unknown): string => {
    if (typeof part !== 'object' || part === null) return String(part);
    if (seen.has(part)) return '';
    seen.add(part);
    const own = Object.getOwnPropertyNames(part).map((name) => `${name}: ${walk(Reflect.get(part, name))}`);
    return `${Object.prototype.toString.call(part)} ${own.join('\n')}`;
  };
  return walk(value);
}

describe('createAwsBackend', () => {
  const thrown = (given: Given): AppError => {
    try {
      open(given);
    } catch (error) {
      if (isAppError(error)) return error;
    }
    throw new Error('It did not fail.');
  };

  test.each(['aws_bucket_name', 'aws_endpoint_url'])('aws: %s is required', (key) => {
    const error = thrown({ config: { [key]: ' ' } });
    expect(error).toMatchObject({ code: 'config.invalid', details: { key } });
  });

  test.each(['aws_access_key_id', 'aws_secret_access_key'])('aws: without %s it is not opened', (key) => {
    const error = thrown({ secrets: { [key]: '' } });
    expect(error).toMatchObject({ code: 'backend.denied', details: { key } });
    expect(error.remedy).toContain('vault');
  });

  test.each(['s3.example.com', 'ftp://example.com', 'https://user:hunter2@example.com'])(
    'aws: the address %s is refused without being repeated',
    (address) => {
      const error = thrown({ config: { aws_endpoint_url: address } });
      expect(error).toMatchObject({ code: 'config.invalid', details: { key: 'aws_endpoint_url' } });
      expect(everything(error)).not.toContain('hunter2');
    },
  );
});
