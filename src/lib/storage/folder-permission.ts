// May this page read, or write, a folder that a person chose? Permission ends with the browser's session and is asked again on
// the page, by a click: workers can look but not ask. The private file system needs none.

export type FolderAccess = 'read' | 'readwrite';

/** TypeScript's library does not know these yet; where a browser lacks them, what can be chosen at all is allowed. */
export interface PermissionHandle extends FileSystemHandle {
  queryPermission?(options: { mode: FolderAccess }): Promise<PermissionState>;
  requestPermission?(options: { mode: FolderAccess }): Promise<PermissionState>;
}

export async function folderPermission(
  folder: PermissionHandle,
  mode: FolderAccess,
): Promise<PermissionState> {
  return (await folder.queryPermission?.({ mode })) ?? 'granted';
}

/** Needs a click that is a moment old at most. @returns whether it is allowed now. */
export async function askFolderPermission(folder: PermissionHandle, mode: FolderAccess): Promise<boolean> {
  if ((await folderPermission(folder, mode)) === 'granted') return true;
  return ((await folder.requestPermission?.({ mode })) ?? 'granted') === 'granted';
}
