// Files from a picker, a drop or the clipboard, as the workers take them. A dropped folder is walked.
import type { NamedFile } from '../../protocol/models';

/** Names of files from a folder picker carry their folder: `my-model/config.json`. */
export function filesFromList(list: FileList | null): NamedFile[] {
  return [...(list ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, blob: file }));
}

/** Must be called while the drop event is handled: the browser forgets the entries afterwards. */
export async function filesFromDrop(transfer: DataTransfer | null): Promise<NamedFile[]> {
  const entries = [...(transfer?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return filesFromList(transfer?.files ?? null);
  return (await Promise.all(entries.map((entry) => walk(entry, '')))).flat();
}

async function walk(entry: FileSystemEntry, folder: string): Promise<NamedFile[]> {
  const name = `${folder}${entry.name}`;
  if (entry instanceof FileSystemFileEntry) {
    const blob = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ name, blob }];
  }
  if (!(entry instanceof FileSystemDirectoryEntry)) return [];
  const reader = entry.createReader();
  const found: NamedFile[] = [];
  // A reader gives its entries in portions; an empty one is the end.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (portion.length === 0) return found;
    for (const child of portion) found.push(...(await walk(child, `${name}/`)));
  }
}

/** Pasted files, or pasted text as a file whose ending tells what it looks like; empty where there is neither. */
export function filesFromPaste(transfer: DataTransfer | null): NamedFile[] {
  const files = filesFromList(transfer?.files ?? null);
  if (files.length > 0) return files;
  const text = transfer?.getData('text/plain') ?? '';
  if (text.trim() === '') return [];
  return [{ name: `pasted.${endingOf(text)}`, blob: new Blob([text], { type: 'text/plain' }) }];
}

/** @returns `json`, `jsonl` or `txt` */
export function endingOf(text: string): 'json' | 'jsonl' | 'txt' {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return isJson(trimmed) ? 'json' : 'txt';
  const [first = ''] = trimmed.split('\n', 1);
  return first.startsWith('{') && isJson(first) ? 'jsonl' : 'txt';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
