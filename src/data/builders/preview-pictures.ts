// What a backend of pictures shows before anything is built of it: that it can be reached, how many files it has, and its first
// pictures with their sizes and captions.
import type { BackendPreview } from '../../protocol/backends';
import type { DataBackend } from '../backends/data-backend';
import { findPictures, type FoundPicture } from '../images/find-pictures';
import { captionsOfPicture } from '../images/picture-captions';
import { readPictureHeader } from '../images/picture-header';
import type { Row } from '../reading/row-event';
import type { PictureBuildSettings } from './picture-build-settings';
import { firstFiles } from './preview-backend';
import { readTextOf } from './read-text-of';

const MOST_ROWS = 5;
const COLUMNS = ['path', 'size', 'caption'];

/** @throws AppError as the backend's calls. */
export async function previewPictures(
  source: DataBackend,
  settings: PictureBuildSettings,
  signal?: AbortSignal,
): Promise<BackendPreview> {
  await source.check(signal);
  const { files, more } = await firstFiles(source, settings, signal);
  const paths = files.map(({ path }) => path).sort((a, b) => (a < b ? -1 : 1));
  const places = {
    paths: paths.slice(0, MOST_ROWS),
    column: settings.column,
    table: settings.captions.table,
    leftOut: () => null,
  };
  const rows: Row[] = [];
  for await (const picture of findPictures(source, places, signal)) {
    rows.push(await shown(picture, source, settings));
    if (rows.length === MOST_ROWS) break;
  }
  return { location: source.describe().location, files: files.length, more, rows, columns: COLUMNS };
}

async function shown(
  { path, content, row }: FoundPicture,
  source: DataBackend,
  settings: PictureBuildSettings,
): Promise<Row> {
  const captions = await captionsOfPicture({ path, row, readText: readTextOf(source) }, settings.captions);
  const caption = 'missing' in captions ? captions.message : captions.captions.join(' | ');
  if (!('bytes' in content)) return { path, size: 'broken' in content ? content.broken : null, caption };
  const look = readPictureHeader(content.bytes);
  const size = 'broken' in look ? look.broken : `${look.header.size.width} x ${look.header.size.height}`;
  return { path, size, caption };
}
