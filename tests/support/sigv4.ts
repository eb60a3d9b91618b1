// Checks the signature of a request as an S3 service does, by the published steps (AWS Signature Version 4), with Node's own
// hashing: what signs in the browser is not asked whether it signed well. Node only.
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface SignedParts {
  keyId: string;
  region: string;
  signedHeaders: string[];
  signature: string;
}

export function readAuthorization(header: string | undefined): SignedParts | null {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]*)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header ?? '',
    );
  if (match === null) return null;
  const [, keyId = '', region = '', signed = '', signature = ''] = match;
  return { keyId, region, signedHeaders: signed.split(';'), signature };
}

/** True where the secret's owner made exactly this request. */
export function isSignedBy(
  secret: string,
  parts: SignedParts,
  request: IncomingMessage,
  body: Uint8Array,
): boolean {
  const { headers, method = '', url = '/' } = request;
  const date = String(headers['x-amz-date']);
  const payload = String(headers['x-amz-content-sha256']);
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== hex(body)) return false;
  const mustBeSigned = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (mustBeSigned.some((name) => !parts.signedHeaders.includes(name))) return false;
  const [path = '', query = ''] = url.split('?');
  const canonical = [
    method,
    path
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    canonicalQuery(query),
    ...parts.signedHeaders.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    parts.signedHeaders.join(';'),
    payload,
  ].join('\n');
  const day = date.slice(0, 8);
  const scope = `${day}/${parts.region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, hex(canonical)].join('\n');
  const key = [day, parts.region, 's3', 'aws4_request'].reduce<Buffer>(
    (before, step) => createHmac('sha256', before).update(step).digest(),
    Buffer.from(`AWS4${secret}`),
  );
  return createHmac('sha256', key).update(toSign).digest('hex') === parts.signature;
}

function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
