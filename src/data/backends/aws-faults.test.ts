import { describe, expect, test } from 'vitest';
import {
  failureOf,
  everythingIn,
  isAppError,
  useBuckets,
  type GivenBackend,
} from '../../../tests/support/s3-fixture';
import { S3_KEY, S3Server } from '../../../tests/support/s3-server';
import type { AppError } from '../../lib/errors';

const TOKEN = 'AQoDYXdzEPT//////////wEXAMPLEtoken==';
const CONTENT = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) % 256);
const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const given = useBuckets();

/** Faster than a comparison that could show two hundred thousand differences. */
const isContent = (bytes: Uint8Array | null): boolean => bytes !== null && Buffer.from(CONTENT).equals(bytes);

async function collect(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe('AwsBackend in trouble', () => {
  describe('what may pass is tried again', () => {
    test('aws: five times after the first, waiting longer each time, then the service is named', async () => {
      await given().server.put(given().bucket, 'a.txt', 'a');
      given().fault({ kind: 'status', status: 503, code: 'SlowDown', times: 5 });
      expect(await given().open().read('a.txt')).toEqual(text('a'));
      expect(given().waits).toEqual([500, 1000, 2000, 4000, 8000]);
      given().waits.length = 0;
      given().fault({ kind: 'status', status: 503, code: 'SlowDown', times: 6 });
      const error = await failureOf(given().open().read('a.txt'));
      expect(error).toMatchObject({ code: 'backend.unreachable', details: { status: 503 } });
      expect(given().waits).toHaveLength(5);
    });

    test.each([500, 502, 503, 429])('aws: a write after status %d arrives', async (status) => {
      given().fault({ kind: 'status', status, method: 'PUT' });
      await given().open().write('a.txt', text('a'));
      expect(await given().open().read('a.txt')).toEqual(text('a'));
      expect(given().waits).toEqual([500]);
    });

    test('aws: a service that names a time is asked again no sooner', async () => {
      given().fault({ kind: 'status', status: 429, headers: { 'Retry-After': '7' } });
      expect(await given().open().exists('a.txt')).toBe(false);
      expect(given().waits).toEqual([7000]);
    });

    test('aws: a body that is cut is read again, a stream goes on from where it was', async () => {
      await given().server.put(given().bucket, 'big.bin', CONTENT);
      given().fault({ kind: 'cut', afterBytes: 1000, method: 'GET' });
      expect(isContent(await given().open().read('big.bin'))).toBe(true);
      expect(given().waits).toEqual([500]);
      given().server.requests.length = 0;
      given().fault({ kind: 'cut', afterBytes: 70_000, method: 'GET', times: 2 });
      expect(isContent(await collect(await given().open().openStream('big.bin')))).toBe(true);
      const [first, second, third] = given().server.requests.map(({ range }) => range);
      expect(first).toBeNull();
      // What arrived of the cut ones is not asked for again; how much that is, the network decides.
      for (const range of [second, third]) expect(range).toMatch(/^bytes=[1-9]\d*-199999$/);
    });

    test('aws: a slow answer is waited for, a silent one is asked for again', async () => {
      await given().server.put(given().bucket, 'big.bin', CONTENT);
      given().fault({ kind: 'slow', pieces: 5, pauseMs: 5, method: 'GET' });
      expect(isContent(await given().open().read('big.bin'))).toBe(true);
      expect(given().waits).toEqual([]);
      given().fault({ kind: 'stall', afterBytes: 70_000, method: 'GET', times: 2 });
      const hasty = given().openHasty(400);
      expect(isContent(await hasty.read('big.bin'))).toBe(true);
      // A busy machine may be silent once more.
      expect(given().waits.slice(0, 2)).toEqual([500, 1000]);
      given().fault({ kind: 'stall', afterBytes: 70_000, method: 'GET', times: 1 });
      expect(isContent(await collect(await hasty.openStream('big.bin')))).toBe(true);
      expect(given().server.requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d*-199999$/);
    });

    test('aws: a service that cannot be reached is told with its name and what CORS has to allow', async () => {
      const error = await failureOf(
        given()
          .open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' } })
          .read('a'),
      );
      expect(error).toMatchObject({ code: 'backend.unreachable', details: { host: '127.0.0.1:9' } });
      for (const word of ['CORS', 'Authorization', 'x-amz-*', 'Range', 'ETag', 'Content-Length']) {
        expect(error.remedy).toContain(word);
      }
      expect(given().waits).toHaveLength(5);
      const offline = given().open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' }, online: false });
      expect((await failureOf(offline.read('a'))).message).toContain('offline');
    });

    test('aws: a first look gives up after one more try', async () => {
      await failureOf(
        given()
          .open({ config: { aws_endpoint_url: 'http://127.0.0.1:9' } })
          .check(),
      );
      expect(given().waits).toEqual([500]);
    });
  });

  describe('what will not pass is told at once', () => {
    test.each([
      ['an unknown key', { aws_access_key_id: 'NOBODY' }, 'does not know the access key'],
      ['a wrong secret', { aws_secret_access_key: 'wrong' }, 'secret does not belong to the access key'],
      ['an old token', { aws_session_token: 'old' }, 'session token has expired'],
    ])('aws: %s', async (_name, secrets, words) => {
      given().server.sessionToken = 'aws_session_token' in secrets ? TOKEN : null;
      const error = await failureOf(given().open({ secrets }).check());
      expect(error).toMatchObject({ code: 'backend.denied' });
      expect(error.message).toContain(words);
      expect(given().waits).toEqual([]);
    });

    test.each([401, 403])('aws: status %d without a word', async (status) => {
      given().fault({ kind: 'status', status, times: 2 });
      const error = await failureOf(given().open().read('a.txt'));
      expect(error).toMatchObject({ code: 'backend.denied', details: { status } });
      expect(given().waits).toEqual([]);
    });

    test.each([
      [20 * 60_000, '20 minutes ahead of'],
      [-3 * 3_600_000, '180 minutes behind'],
    ])('aws: a clock that is %d ms off is told as such', async (off, words) => {
      given().skewMs = off;
      const error = await failureOf(given().open().check());
      expect(error).toMatchObject({ code: 'backend.denied', details: { code: 'RequestTimeTooSkewed' } });
      expect(error.message).toContain(words);
      expect(error.remedy).toContain('Set the clock');
      expect(given().waits).toEqual([]);
    });

    test('aws: a bucket that is not there is missing, also where a file is asked for', async () => {
      const backend = given().open({ config: { aws_bucket_name: 'no-such-bucket' } });
      const missing = { code: 'backend.missing', details: { bucket: 'no-such-bucket' } };
      expect(await failureOf(backend.check())).toMatchObject(missing);
      expect(await failureOf(backend.read('a.txt'))).toMatchObject(missing);
      expect(await failureOf(backend.write('a.txt', text('a')))).toMatchObject(missing);
    });

    test('aws: a page of something else is told', async () => {
      given().fault({ kind: 'page' });
      expect((await failureOf(given().open().check())).message).toContain('gave no answer that makes sense');
    });
  });

  test('aws: another host is never asked, wherever the service points', async () => {
    const elsewhere = await S3Server.start();
    try {
      given().fault({
        kind: 'status',
        status: 307,
        headers: { Location: `${elsewhere.url}/${given().bucket}/a.txt` },
        times: 9,
      });
      const secrets = { aws_session_token: TOKEN };
      expect(await failureOf(given().open({ secrets }).read('a.txt'))).toMatchObject({
        code: 'backend.unreachable',
      });
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
    await note(given().open({ secrets }).check());
    await note(
      given()
        .open({ secrets: { ...secrets, aws_access_key_id: S3_KEY } })
        .check(),
    );
    for (const [status, code] of [
      [403, 'AccessDenied'],
      [403, 'RequestTimeTooSkewed'],
      [400, 'AuthorizationHeaderMalformed'],
      [400, 'AKIDEXAMPLE'],
      [403, secret],
      [404, 'NoSuchBucket'],
      [503, 'SlowDown'],
    ] as const) {
      given().fault({ kind: 'status', status, code, more: echo, times: 9 });
      await note(given().open({ secrets }).check());
      await note(given().open({ secrets }).write('a.txt', text('a')));
    }
    await note(
      given()
        .open({ secrets, config: { aws_endpoint_url: 'http://127.0.0.1:9' } })
        .read('a'),
    );
    expect(errors).toHaveLength(17);
    const told = errors.map(everythingIn).join('\n') + everythingIn(given().open({ secrets }).describe());
    expect(told).toContain('backend.denied');
    for (const word of [secret, TOKEN, 'Signature=', 'AKIDEXAMPLE']) expect(told).not.toContain(word);
  });
});

describe('createAwsBackend', () => {
  const thrown = (wanted: GivenBackend): AppError => {
    try {
      given().open(wanted);
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
      expect(everythingIn(error)).not.toContain('hunter2');
    },
  );
});
