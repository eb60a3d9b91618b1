// What an S3 service's refusals mean, in words that help. Of its answer only the code, the region and its time are used: the
// rest may repeat keys and signatures.
import { AppError } from '../../../lib/errors';
import { textOf } from './xml-tags';

/** What was asked of whom, without anything secret. */
export interface S3Place {
  /** `s3://bucket/prefix` */
  location: string;
  host: string;
  bucket: string;
}

export interface S3Refusal {
  status: number;
  /** `NoSuchKey` and the like; null where the answer has none. */
  code: string | null;
  /** Where the service says that the bucket is. */
  region: string | null;
  serverTime: number | null;
}

/** Only these are repeated: what else an answer calls its code may be anything. */
const KNOWN_CODES = new Set([
  'AccessDenied',
  'AccountProblem',
  'AllAccessDisabled',
  'AuthorizationHeaderMalformed',
  'BadDigest',
  'EntityTooLarge',
  'ExpiredToken',
  'InternalError',
  'InvalidAccessKeyId',
  'InvalidArgument',
  'InvalidBucketName',
  'InvalidObjectState',
  'InvalidRange',
  'InvalidRequest',
  'InvalidToken',
  'KeyTooLongError',
  'MethodNotAllowed',
  'NoSuchBucket',
  'NoSuchKey',
  'NotImplemented',
  'PermanentRedirect',
  'QuotaExceeded',
  'RequestTimeTooSkewed',
  'ServiceUnavailable',
  'SignatureDoesNotMatch',
  'SlowDown',
  'TokenRefreshRequired',
  'XAmzContentSHA256Mismatch',
]);

/** @param body '' where there is none, as after HEAD. */
export function readRefusal(status: number, body: string): S3Refusal {
  const code = textOf(body, 'Code');
  const region = textOf(body, 'Region');
  const time = Date.parse(textOf(body, 'ServerTime') ?? '');
  return {
    status,
    code: code !== null && KNOWN_CODES.has(code) ? code : null,
    region: region !== null && /^[a-z0-9-]{1,30}$/.test(region) ? region : null,
    serverTime: Number.isNaN(time) ? null : time,
  };
}

const CREDENTIALS: Record<string, string> = {
  InvalidAccessKeyId: 'does not know the access key',
  SignatureDoesNotMatch: 'finds that the secret does not belong to the access key',
  ExpiredToken: 'says that the session token has expired',
  InvalidToken: 'does not accept the session token',
  TokenRefreshRequired: 'says that the session token has expired',
};
const CREDENTIALS_REMEDY =
  'Enter the access key and its secret again, whole and without blanks; keys that last only for a while need their session token.';

/** @param now of this computer, milliseconds since the epoch. */
export function explainRefusal(refusal: S3Refusal, place: S3Place, now: number): AppError {
  const { status, code } = refusal;
  const details = { ...place, status, code };
  const credentials = CREDENTIALS[code ?? ''];
  if (code === 'RequestTimeTooSkewed') return skewError(refusal, place, now);
  if (code === 'AuthorizationHeaderMalformed') return regionError(refusal, place);
  if (code === 'NoSuchBucket' || status === 404) return bucketError(details);
  if (credentials !== undefined) {
    return new AppError('backend.denied', `${place.host} ${credentials}.`, {
      details,
      remedy: CREDENTIALS_REMEDY,
    });
  }
  if (status === 401 || status === 403) {
    return new AppError('backend.denied', `${place.host} does not let this key use ${place.location}.`, {
      details,
      remedy: `Check the name of the bucket, and that the key may list it and read its objects. ${CREDENTIALS_REMEDY}`,
    });
  }
  return answerError(place, `status ${status}${code === null ? '' : ` (${code})`}`, details);
}

export function networkError(place: S3Place, online: boolean, origin: string, cause: unknown): AppError {
  const remedy = `Check the address and the connection. If both are right, the bucket's CORS rules keep this page out: let them allow ${origin} with GET, HEAD, PUT and DELETE and the headers Authorization, x-amz-* and Range, and expose ETag, Content-Length and Content-Range.`;
  return new AppError(
    'backend.unreachable',
    online
      ? `${place.host} does not answer this page.`
      : `The browser is offline; ${place.host} cannot be reached.`,
    { details: { ...place }, remedy: online ? remedy : 'Connect to the network.', cause },
  );
}

export function serviceError(place: S3Place, status: number): AppError {
  return new AppError(
    'backend.unreachable',
    status === 429 || status === 503
      ? `${place.host} refuses more requests for now (${status}).`
      : `${place.host} answered ${status}.`,
    {
      details: { ...place, status },
      remedy:
        'The trouble is on its side: try again in some minutes, with fewer connections if it comes back.',
    },
  );
}

export function silenceError(place: S3Place, silentMs: number): AppError {
  return new AppError('backend.unreachable', `Nothing came from ${place.host} for ${silentMs / 1000} s.`, {
    details: { ...place, silentMs },
    remedy: 'Check the connection and try again.',
  });
}

export function cutError(place: S3Place, what: string, cause?: unknown): AppError {
  return new AppError('backend.unreachable', `The connection to ${place.host} broke off within ${what}.`, {
    details: { ...place, what },
    remedy: 'Check the connection and try again.',
    cause,
  });
}

/** @param what came, for people: "a page that is no listing". */
export function answerError(
  place: S3Place,
  what: string,
  details: Record<string, unknown> = { ...place },
): AppError {
  return new AppError('backend.unreachable', `${place.host} gave no answer that makes sense: ${what}.`, {
    details,
    remedy: 'Check the address of the S3 service; a proxy or a web page may answer in its place.',
  });
}

function skewError({ code, serverTime }: S3Refusal, place: S3Place, now: number): AppError {
  const minutes = serverTime === null ? null : Math.round((now - serverTime) / 60_000);
  const off =
    minutes === null
      ? 'is too far off'
      : `is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} the service's`;
  return new AppError(
    'backend.denied',
    `This computer's clock ${off}, so ${place.host} refuses its requests.`,
    {
      details: { ...place, code, minutes },
      remedy: 'Set the clock and the time zone of this computer, best by the network, and try again.',
    },
  );
}

function regionError({ region, status, code }: S3Refusal, place: S3Place): AppError {
  const known = region === null ? 'another one' : `"${region}"`;
  return new AppError('backend.denied', `The region of ${place.location} is ${known}.`, {
    details: { ...place, status, code, region },
    remedy: `Set aws_region_name to ${region ?? 'the region of the bucket'}, and the address to that of the region.`,
  });
}

function bucketError(details: S3Place & { status: number; code: string | null }): AppError {
  return new AppError('backend.missing', `${details.host} has no bucket "${details.bucket}".`, {
    details: { ...details },
    remedy:
      'Check the name of the bucket and the address of the service; some have an address for each region.',
  });
}
