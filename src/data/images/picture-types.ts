// Which files are pictures, by their names.

/** Endings of files that are looked at, without the dot. */
export const PICTURE_EXTENSIONS: readonly string[] = ['png', 'jpg', 'jpeg', 'webp', 'gif', 'avif', 'bmp'];
