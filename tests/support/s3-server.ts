// A local S3 service: s3rver in a process of its own (its page tokens need a cipher that Node gives to those only who start
// with it), behind a door that checks signatures and CORS as services do and, on request, does what goes wrong in real life.
// Node only. Its files are in a temporary folder that goes with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bodyOf, plain, refuse, send, type PassedAnswer, type S3Fault } from './s3-answers';
import { isSignedBy, readAuthorization } from './sigv4';

export interface S3Request {
  method: string;
  /** With its query, as it was sent. */
  url: string;
  range: string | null;
  headers: Record<string, string>;
}

export const S3_KEY = 'S3RVER';
export const S3_SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** What a bucket's CORS rules allow where someone followed our advice. */
const ALLOWED_HEADERS = /^(authorization|range|x-amz-.*)$/;
const SCRIPT = `
const S3rver = require('s3rver');
const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory: process.argv[1] });
server.run().then(({ port }) => console.log(String(port)));
process.stdin.resume().on('end', () => process.exit());
`;

export class S3Server {
  readonly requests: S3Request[] = [];
  faults: S3Fault[] = [];
  /** false: as a bucket without CORS rules. */
  cors = true;
  /** Signatures for other regions are refused; null takes any. */
  region: string | null = null;
  /** A session token that has to come along; null where none is needed. */
  sessionToken: string | null = null;
  /** Most requests that were under way at once since it was set to 0. */
  mostAtOnce = 0;
  #underWay = 0;
  readonly #door: Server;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #port = 0;

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 's3-'));
    this.#child = spawn(process.execPath, ['--openssl-legacy-provider', '-e', SCRIPT, this.#folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Whoever went away, or the service behind the door at its end: there is nobody to answer.
    this.#door = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    server.#port = await new Promise<number>((resolve, reject) => {
      server.#child.once('error', reject);
      server.#child.once('exit', (code) => reject(new Error(`s3rver ended with ${code}.`)));
      server.#child.stdout?.once('data', (line: Buffer) => resolve(Number(line.toString())));
    });
    await new Promise<void>((resolve) => server.#door.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#door.address() as AddressInfo).port}`;
  }

  /** Forgets faults and requests, and is a friendly service again. */
  reset(): void {
    this.faults = [];
    this.requests.length = 0;
    this.cors = true;
    this.region = null;
    this.sessionToken = null;
    this.mostAtOnce = 0;
  }

  async createBucket(name: string): Promise<void> {
    const { status } = await this.#pass('PUT', `/${name}`, inside(), new Uint8Array());
    if (status !== 200) throw new Error(`No bucket ${name}: ${status}.`);
  }

  /** Past the door: as if it had been there before. */
  async put(bucket: string, key: string, content: string | Uint8Array): Promise<void> {
    const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
    const body = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const { status } = await this.#pass('PUT', path, inside(), body);
    if (status !== 200) throw new Error(`${key} was not put: ${status}.`);
  }

  /** Many keys at once, by copying the files that s3rver keeps of one. Names without signs that it would write otherwise. */
  async putCopies(bucket: string, content: string, keys: readonly string[]): Promise<void> {
    const model = 'model-of-copies';
    await this.put(bucket, model, content);
    const folder = join(this.#folder, bucket);
    const files = readdirSync(folder).filter((name) => name.startsWith(model));
    for (const key of keys) {
      mkdirSync(dirname(join(folder, key)), { recursive: true });
      for (const file of files)
        copyFileSync(join(folder, file), join(folder, key + file.slice(model.length)));
    }
    for (const file of files) rmSync(join(folder, file));
  }

  async stop(): Promise<void> {
    this.#door.closeAllConnections();
    await new Promise<void>((resolve) => this.#door.close(() => resolve()));
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'OPTIONS') return this.#preflight(request, response);
    this.#underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    response.once('close', () => (this.#underWay -= 1));
    const { method = 'GET', url = '/', headers } = request;
    const body = await bodyOf(request);
    this.requests.push({ method, url, range: headers.range ?? null, headers: plain(headers) });
    if (this.cors && headers.origin !== undefined) {
      response.setHeader('Access-Control-Allow-Origin', headers.origin);
      response.setHeader('Access-Control-Expose-Headers', 'ETag,Content-Length,Content-Range');
    }
    const fault = this.#fault(method, url);
    if (fault?.kind === 'status')
      return refuse(response, fault.status, fault.code, fault.more, fault.headers);
    if (fault?.kind === 'page') return void response.writeHead(200).end('<html>Welcome</html>');
    const refusal = this.#refusal(request, body);
    if (refusal !== null) return refuse(response, refusal.status, refusal.code, refusal.more);
    const sent = { ...plain(headers), ...(fault?.kind === 'whole' ? { range: '' } : {}) };
    try {
      if (headers.range !== undefined && (await this.#isEmpty(url, sent))) {
        return refuse(response, 416, 'InvalidRange');
      }
      await send(await this.#pass(method, url, sent, body), method, response, fault);
    } catch {
      response.destroy();
    }
  }

  /** s3rver breaks off where a part of an empty object is asked for. */
  async #isEmpty(url: string, headers: Record<string, string>): Promise<boolean> {
    const { range: _range, ...whole } = headers;
    const { status, headers: told } = await this.#pass('HEAD', url, whole, new Uint8Array());
    return status === 200 && told['content-length'] === '0';
  }

  #fault(method: string, url: string): S3Fault | null {
    const found = this.faults.find(
      (fault) =>
        fault.times > 0 &&
        (fault.method === undefined || fault.method === method) &&
        decodeURIComponent(url).includes(fault.path),
    );
    if (found !== undefined) found.times -= 1;
    return found ?? null;
  }

  /** What s3rver does not look at. It does look at the key's name and at the clock. */
  #refusal(
    request: IncomingMessage,
    body: Uint8Array,
  ): { status: number; code: string; more: string } | null {
    const { headers } = request;
    const parts = readAuthorization(headers.authorization);
    if (parts === null) return { status: 403, code: 'AccessDenied', more: '' };
    // Services repeat what they were sent: nothing of it may come through.
    const more = `<AWSAccessKeyId>${parts.keyId}</AWSAccessKeyId><SignatureProvided>${parts.signature}</SignatureProvided>`;
    if (parts.keyId !== S3_KEY) return { status: 403, code: 'InvalidAccessKeyId', more };
    if (this.region !== null && parts.region !== this.region) {
      return { status: 400, code: 'AuthorizationHeaderMalformed', more: `<Region>${this.region}</Region>` };
    }
    if (this.sessionToken !== null && headers['x-amz-security-token'] !== this.sessionToken) {
      return { status: 403, code: 'ExpiredToken', more };
    }
    if (isSignedBy(S3_SECRET, parts, request, body)) return null;
    return { status: 403, code: 'SignatureDoesNotMatch', more };
  }

  #preflight(request: IncomingMessage, response: ServerResponse): void {
    const { origin = '' } = request.headers;
    const asked = request.headers['access-control-request-headers'] ?? '';
    const allowed = asked.split(',').every((name) => ALLOWED_HEADERS.test(name.trim()));
    if (!this.cors || !allowed) return void response.writeHead(403).end();
    response.writeHead(200, {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Methods': 'GET,HEAD,PUT,DELETE',
      'Access-Control-Allow-Headers': asked,
    });
    response.end();
  }

  #pass(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Uint8Array,
  ): Promise<PassedAnswer> {
    // An empty one is none: the whole was asked for.
    const { range = '', origin: _origin, connection: _connection, ...rest } = headers;
    const sent = { ...rest, ...(range === '' ? {} : { range }), 'content-length': String(body.byteLength) };
    return new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port: this.#port, method, path, headers: sent };
      const passed = forward(to, (answer) => {
        bodyOf(answer).then(
          (content) =>
            resolve({
              status: answer.statusCode ?? 500,
              headers: plain(answer.headers),
              body: Buffer.from(content),
            }),
          reject,
        );
      });
      passed.once('error', reject);
      passed.end(body);
    });
  }
}

/** Headers of someone whom s3rver lets in. */
function inside(): Record<string, string> {
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const credential = `${S3_KEY}/${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  return {
    host: '127.0.0.1',
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
    'x-amz-date': date,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
  };
}
