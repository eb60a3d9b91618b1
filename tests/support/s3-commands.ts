// Lets tests in the browser have the local S3 service, which runs beside them in Node. It starts when it is first asked for.
import type { BrowserCommand } from 'vitest/node';
import type { S3Fault } from './s3-answers';
import { S3_KEY, S3_SECRET, S3Server, type S3Request } from './s3-server';

export interface S3Bucket {
  url: string;
  bucket: string;
  secrets: Record<string, string>;
}

declare module 'vitest/browser' {
  interface BrowserCommands {
    /** A fresh bucket of a friendly service. */
    openS3Bucket: () => Promise<S3Bucket>;
    /** What the service does from now on. */
    setS3: (given: { faults?: S3Fault[]; cors?: boolean }) => Promise<void>;
    /** What it was asked since the bucket was opened. */
    askedOfS3: () => Promise<S3Request[]>;
  }
}

let starting: Promise<S3Server> | null = null;

const openS3Bucket: BrowserCommand<[]> = async ({ project }): Promise<S3Bucket> => {
  if (starting === null) {
    const server = S3Server.start();
    project.vitest.onClose(async () => (await server).stop());
    starting = server;
  }
  const server = await starting;
  server.reset();
  const bucket = `b-${crypto.randomUUID()}`;
  await server.createBucket(bucket);
  return {
    url: server.url,
    bucket,
    secrets: { aws_access_key_id: S3_KEY, aws_secret_access_key: S3_SECRET },
  };
};

const setS3: BrowserCommand<[{ faults?: S3Fault[]; cors?: boolean }]> = async (_context, given) => {
  const server = await starting;
  if (server !== null) Object.assign(server, given);
};

const askedOfS3: BrowserCommand<[]> = async (): Promise<S3Request[]> => (await starting)?.requests ?? [];

export const s3Commands = { openS3Bucket, setS3, askedOfS3 };
