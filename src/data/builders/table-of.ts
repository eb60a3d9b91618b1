// The table that tells about a backend's files, where its configuration names one.
import { AppError } from '../../lib/errors';
import type { DataBackend } from '../backends/data-backend';
import { MetadataTable, type MetadataTableConfig } from '../metadata/metadata-table';

/** null where files tell themselves. @throws AppError `config.invalid` where it is not there, as reading it. */
export async function tableOf(
  config: MetadataTableConfig & { metadata_backend: string },
  source: Pick<DataBackend, 'open'>,
  signal: AbortSignal | undefined,
): Promise<MetadataTable | null> {
  if (config.metadata_backend !== 'parquet') return null;
  const path = config.parquet?.path ?? '';
  const blob = await source.open(path);
  if (blob !== null) return MetadataTable.read({ name: path, blob }, config, signal);
  throw new AppError(
    'config.invalid',
    `Backend "${config.id}" names the table ${path}, which is not there.`,
    {
      remedy: 'Correct parquet.path, from the root of the backend on.',
      details: { id: config.id, path },
    },
  );
}
