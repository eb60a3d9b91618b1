// A bucket of the local S3 service for each test, and backends on it whose clock and patience are the test's. Node only.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { AwsBackend, createAwsBackend } from '../../src/data/backends/aws-backend';
import { readAwsSettings } from '../../src/data/backends/aws/aws-settings';
import type { BackendOptions } from '../../src/data/backends/backend-options';
import type { DataBackend } from '../../src/data/backends/data-backend';
import { AppError } from '../../src/lib/errors';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import type { S3Fault } from './s3-answers';
import { S3_KEY, S3_SECRET, S3Server } from './s3-server';

export interface GivenBackend {
  config?: Record<string, unknown>;
  secrets?: Record<string, string>;
  fetch?: typeof fetch;
  online?: boolean;
}

export class BucketFixture {
  readonly server: S3Server;
  readonly bucket: string;
  /** Milliseconds of each wait between attempts; none of them passes. */
  readonly waits: number[] = [];
  /** How far the computer's clock is ahead. */
  skewMs = 0;

  constructor(server: S3Server, bucket: string) {
    this.server = server;
    this.bucket = bucket;
  }

  static async fresh(server: S3Server): Promise<BucketFixture> {
    const bucket = `b-${crypto.randomUUID()}`;
    await server.createBucket(bucket);
    return new BucketFixture(server, bucket);
  }

  open(given: GivenBackend = {}): DataBackend {
    return createAwsBackend(this.#options(given));
  }

  /** Takes a request for silent after so long. */
  openHasty(stallMs: number): DataBackend {
    const options = this.#options({});
    return new AwsBackend({ ...readAwsSettings(options.config, options.secrets), ...options, stallMs });
  }

  /** What requests of this bucket meet, once unless told otherwise. */
  fault(given: S3FaultKind): void {
    this.server.faults = [{ path: this.bucket, times: 1, ...given }];
  }

  #options({ config = {}, secrets = {}, ...rest }: GivenBackend): BackendOptions {
    return {
      config: { id: 'bucket', aws_bucket_name: this.bucket, aws_endpoint_url: this.server.url, ...config },
      secrets: { aws_access_key_id: S3_KEY, aws_secret_access_key: S3_SECRET, ...secrets },
      folder: null,
      blobs: new MemoryBlobStore(),
      fetch: rest.fetch ?? fetch,
      online: () => rest.online ?? true,
      clock: {
        now: () => Date.now() + this.skewMs,
        sleep: (milliseconds, signal) => {
          this.waits.push(milliseconds);
          return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve();
        },
        dice: () => 1,
      },
    };
  }
}

type Without<Fault, Keys extends PropertyKey> = Fault extends unknown ? Omit<Fault, Keys> : never;
type S3FaultKind = Without<S3Fault, 'path' | 'times'> & { times?: number };

/** Another process starts and ends, on a machine whose cores others keep busy. */
const PATIENCE_MS = 60_000;

/** Starts a service for the tests of a file. @returns the bucket of the test that runs. */
export function useBuckets(): () => BucketFixture {
  let server: S3Server | null = null;
  let fixture: BucketFixture | null = null;
  beforeAll(async () => {
    server = await S3Server.start();
  }, PATIENCE_MS);
  beforeEach(async () => {
    server?.reset();
    if (server !== null) fixture = await BucketFixture.fresh(server);
  }, PATIENCE_MS);
  afterAll(() => server?.stop(), PATIENCE_MS);
  return () => {
    if (fixture === null) throw new Error('There is a bucket only within a test.');
    return fixture;
  };
}

/** @throws where it does not fail, or not with a word for people. */
export async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  if (isAppError(error)) return error;
  throw error;
}

export const isAppError = (error: unknown): error is AppError => error instanceof AppError;

/** All that can be read off a value, causes and hidden properties too. */
export function everythingIn(value: unknown): string {
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
