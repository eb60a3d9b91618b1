// What a bucket's configuration and secrets come to. The names are SimpleTuner's; texts that are written with blanks or slashes
// around them mean the same without.
import { AppError } from '../../../lib/errors';
import type { BackendConfigJson, BackendSecrets } from '../../../protocol/backends';
import type { S3Credentials } from './s3-client';

export interface AwsSettings {
  id: string;
  bucket: string;
  endpoint: string;
  region: string;
  /** '' or ends with a slash. */
  prefix: string;
  connections: number;
  credentials: S3Credentials;
}

const DEFAULT_CONNECTIONS = 8;
/** Browsers open six to one host, or one that carries many: more would only wait elsewhere. */
const MOST_CONNECTIONS = 16;

/** @throws AppError `config.invalid`, `backend.denied` where a credential is missing. */
export function readAwsSettings(config: BackendConfigJson, secrets: BackendSecrets): AwsSettings {
  const connections = config['max_pool_connections'];
  const prefix = textOf(config, 'aws_data_prefix').replace(/^\/+|\/+$/g, '');
  return {
    id: config.id,
    bucket: required(config, 'aws_bucket_name'),
    endpoint: endpointOf(config),
    region: textOf(config, 'aws_region_name') || 'auto',
    prefix: prefix === '' ? '' : `${prefix}/`,
    connections:
      typeof connections === 'number' && connections >= 1
        ? Math.min(Math.floor(connections), MOST_CONNECTIONS)
        : DEFAULT_CONNECTIONS,
    credentials: {
      accessKeyId: credential(config.id, secrets, 'aws_access_key_id'),
      secretAccessKey: credential(config.id, secrets, 'aws_secret_access_key'),
      sessionToken: secrets['aws_session_token']?.trim() || null,
    },
  };
}

/** The address is not repeated in errors: it might hold a password. */
function endpointOf(config: BackendConfigJson): string {
  const text = required(config, 'aws_endpoint_url');
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') {
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  }
  throw new AppError('config.invalid', `aws_endpoint_url of "${config.id}" is not an address of a service.`, {
    details: { id: config.id, key: 'aws_endpoint_url' },
    remedy: 'Write it as https://host, without a user, a password or the bucket.',
  });
}

function required(config: BackendConfigJson, key: string): string {
  const text = textOf(config, key);
  if (text !== '') return text;
  throw new AppError('config.invalid', `${key} of "${config.id}" is missing.`, {
    details: { id: config.id, key },
    remedy: `Set ${key} in the configuration.`,
  });
}

function credential(id: string, secrets: BackendSecrets, key: string): string {
  const text = secrets[key]?.trim() ?? '';
  if (text !== '') return text;
  throw new AppError('backend.denied', `No ${key} is there for "${id}".`, {
    details: { id, key },
    remedy: 'Enter the access key and its secret for this source, or unlock the vault that holds them.',
  });
}

function textOf(config: BackendConfigJson, key: string): string {
  const value = config[key];
  return typeof value === 'string' ? value.trim() : '';
}
