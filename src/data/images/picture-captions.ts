// The captions of a picture: what the caption strategy gives, filtered and varied as for texts. All of them stay; which one is
// seen is for whoever draws the picture.
import { captionsOf, type CaptionSource } from '../captions/caption-strategy';
import type { CaptionSettings } from '../captions/caption-settings';
import { filterCaption, type CaptionFilter } from '../captions/filter-caption';
import { shuffleCaption, type CaptionShuffle } from '../captions/shuffle-caption';

export interface PictureCaptionSettings {
  captions: CaptionSettings;
  shuffle: CaptionShuffle | null;
  filters: readonly CaptionFilter[];
}

export type PictureCaptions =
  { captions: string[] } | { missing: 'not_found' | 'metadata_missing'; message: string };

/** None where no strategy was set: a picture can do without. @throws what reading the file beside it throws. */
export async function captionsOfPicture(
  source: CaptionSource,
  { captions: settings, filters, shuffle }: PictureCaptionSettings,
): Promise<PictureCaptions> {
  const outcome = await captionsOf(source, settings);
  if ('missing' in outcome) return outcome;
  const texts = (outcome.captions ?? []).map((caption) => filterCaption(caption, filters));
  return {
    captions: texts.flatMap((text) => (shuffle === null ? [text] : shuffleCaption(text, shuffle).captions)),
  };
}
