// A folder for tests, made up as it is walked: of any size, without a disk, and with what can go wrong. It only reads.

export interface MockFolderOptions {
  /** What the browser says of this page's permission. */
  permission?: () => PermissionState;
  /** Called for each entry that is handed out. */
  onEntry?: () => void;
}

/** A file's content, what the browser says in place of the file, a folder that was made before, or one to be made. */
export type MockNode = Blob | DOMException | FileSystemDirectoryHandle | MockTree;
export type MockTree = { [name: string]: MockNode } | (() => Iterable<[string, MockNode]>);

/** @param tree what is in it by name, listed or made up at each walk. */
export function mockFolder(
  name: string,
  tree: MockTree,
  options: MockFolderOptions = {},
): FileSystemDirectoryHandle {
  const entries = typeof tree === 'function' ? tree : () => Object.entries(tree);
  const folder = {
    kind: 'directory',
    name,
    queryPermission: () => Promise.resolve(options.permission?.() ?? 'granted'),
    isSameEntry: (other: unknown) => Promise.resolve(other === folder),
    async *entries() {
      for (const [child, content] of entries()) {
        options.onEntry?.();
        yield [child, await Promise.resolve(handleOf(child, content, options))];
      }
    },
    async *values() {
      for await (const [, handle] of folder.entries()) yield handle;
    },
    getDirectoryHandle: (child: string) => find(child, 'directory'),
    getFileHandle: (child: string) => find(child, 'file'),
  };
  const find = (child: string, kind: FileSystemHandleKind): Promise<unknown> => {
    for (const [other, content] of entries()) {
      if (other !== child) continue;
      const handle = handleOf(child, content, options);
      if (handle.kind === kind) return Promise.resolve(handle);
      return Promise.reject(new DOMException('other kind', 'TypeMismatchError'));
    }
    return Promise.reject(new DOMException('none', 'NotFoundError'));
  };
  return folder as unknown as FileSystemDirectoryHandle;
}

function handleOf(
  name: string,
  content: MockNode,
  options: MockFolderOptions,
): { kind: FileSystemHandleKind } {
  if (content instanceof DOMException) {
    return { kind: 'file', ...{ name, getFile: () => Promise.reject(content) } };
  }
  if (!(content instanceof Blob)) return isHandle(content) ? content : mockFolder(name, content, options);
  const file = Object.assign(content, { name, lastModified: 1 });
  return { kind: 'file', ...{ name, getFile: () => Promise.resolve(file) } };
}

function isHandle(content: FileSystemDirectoryHandle | MockTree): content is FileSystemDirectoryHandle {
  return 'kind' in content && content.kind === 'directory';
}

/** A file whose bytes cannot be read any more: it was changed or removed after it was opened. */
export function goneFile(sizeBytes: number, name = 'NotReadableError'): Blob {
  const gone = (): Promise<never> => Promise.reject(new DOMException('gone', name));
  const part = { arrayBuffer: gone };
  return Object.defineProperties(new Blob([]), {
    size: { value: sizeBytes },
    slice: { value: () => part },
    stream: { value: () => new ReadableStream({ pull: gone }) },
  });
}
