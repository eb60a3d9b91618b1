// Stretches of files with their bytes, in order: the next ones are on their way while one is taken.
import type { FilePiece } from './file-pieces';

export interface ReadPiece extends FilePiece {
  /** Valid until the next piece is asked for. */
  bytes: ArrayBuffer;
}

/** Stretches that are being read while one is taken. */
const AHEAD = 2;

/** Not in every browser: where it is missing, memory waits for the collector. */
type Transferable = Partial<Pick<ArrayBuffer, 'transfer'>>;

async function read(piece: FilePiece): Promise<ReadPiece> {
  return { ...piece, bytes: await piece.file.slice(piece.begin, piece.end).arrayBuffer() };
}

export async function* readPieces(pieces: Iterator<FilePiece, void>): AsyncGenerator<ReadPiece, void> {
  const reading: Promise<ReadPiece>[] = [];
  const begin = (): void => {
    const next = pieces.next();
    if (next.done === true) return;
    const piece = read(next.value);
    // Whoever awaits it hears of a failure; before that nobody listens.
    piece.catch(() => undefined);
    reading.push(piece);
  };
  for (let i = 0; i < AHEAD; i += 1) begin();
  for (let next = reading.shift(); next !== undefined; next = reading.shift()) {
    const piece = await next;
    begin();
    yield piece;
    (piece.bytes as Transferable).transfer?.(0);
  }
}
