// Datasets of pictures as the page sees them. The data worker owns the pictures; what it hands over are files to be shown.

export interface PictureBox {
  /** Pixels from the left and the top. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Pictures of one shape: width over height to two decimals. */
export interface PictureBucket {
  aspect: number;
  count: number;
}

/** What a record tells of a dataset that holds pictures. */
export interface PictureSummary {
  /** By aspect, ascending. */
  buckets: PictureBucket[];
  /** Pictures with at least one caption. */
  captioned: number;
  /** What the configuration of its backend says about its features. */
  features?: PictureFeatures;
}

export interface PictureFeatures {
  /** Name or id of the vision encoder; absent where people choose. */
  encoder?: string;
  cache: { readOnly: boolean; compress: boolean; writeBatchSize: number; encodedAtOnce?: number };
}

export interface StoredPicture {
  index: number;
  /** Where its source has it. */
  path: string;
  /** Of the picture in its source, upright. Pixels. */
  width: number;
  height: number;
  aspect: number;
  /** Of the stored picture. Pixels. */
  target: { width: number; height: number };
  /** Which part of the source's picture it is. */
  crop: PictureBox;
  captions: string[];
  /** The stored picture. */
  image: Blob;
}

export interface PicturesApi {
  /** @throws AppError `dataset.unknown`, `storage.missing` where the browser lost the files. */
  pictures(datasetId: string, offset: number, count: number): Promise<StoredPicture[]>;
}
