// Settings of a dataset that takes its turn in a mix: how often, when, and beside which caches.
import * as v from 'valibot';
import { field, flag, numberFrom, text, textOrList, whole } from '../field';

/** A bad beginning is the default one, as in the configurations that this reads; the check says so in a warning. */
const beginning = (min: number, fallback: number) => v.fallback(whole(min), fallback);

/** Nothing, 0, a negative or a bad value is no end. */
const end = () => v.fallback(v.union([whole(1), v.null()], 'a whole number of at least 1'), null);

export const sourceDatasetFields = {
  max_num_samples: v.optional(
    field('sampling', 'At most so many samples: always the same ones, drawn by the id.', whole(1)),
  ),
  text_embeds: v.optional(field('caches', 'Id of the text_embeds backend that it uses.', text())),
  image_embeds: v.optional(field('caches', 'Id of the image_embeds backend that it uses.', text())),
  source_dataset_id: v.optional(
    field('sampling', 'Id of the dataset that this one is made from; it is configured first.', text()),
  ),
  conditioning_data: v.optional(
    field('sampling', 'Id, or ids, of datasets that are made from this one.', textOrList()),
  ),
};

export const samplingFields = {
  ...sourceDatasetFields,
  probability: v.optional(
    field(
      'sampling',
      'Weight in a mix; 0 is never drawn.',
      v.union(
        [
          numberFrom(0),
          v.pipe(
            v.literal(''),
            v.transform(() => 1),
          ),
        ],
        'a number of at least 0',
      ),
    ),
    1,
  ),
  repeats: v.optional(
    field('sampling', 'Extra passes in an epoch: 0 is seen once, 2 three times.', whole(0)),
    0,
  ),
  train_batch_size: v.optional(
    field('sampling', 'Samples of one batch, where it is not that of the run.', whole(1)),
  ),
  start_epoch: v.optional(
    field('sampling', 'The first epoch that it takes part in, from 1.', beginning(1, 1)),
    1,
  ),
  start_step: v.optional(field('sampling', 'The first step that it takes part in.', beginning(0, 0)), 0),
  end_epoch: v.optional(field('sampling', 'The last epoch that it takes part in.', end()), null),
  end_step: v.optional(field('sampling', 'The last step that it takes part in.', end()), null),
  disable_after_epoch_step: v.optional(
    field('sampling', 'With auto-weighting its weight falls to 0 at this step of an epoch.', whole(1)),
  ),
  is_regularisation_data: v.optional(
    field('sampling', 'It holds the model near to what it knew; nothing new is learnt of it.', flag()),
    false,
  ),
  slider_strength: v.optional(
    field(
      'sampling',
      'Above 0, below 0 or 0: its phase in the rotation positive, negative, neutral.',
      v.pipe(v.number('a number'), v.finite('a number')),
    ),
  ),
};

/** Evaluation draws nothing: each sample once, one at a time. */
export const evaluationFields = {
  ...sourceDatasetFields,
  train_batch_size: v.optional(
    field(
      'sampling',
      'Always 1 in evaluation.',
      v.pipe(
        whole(1),
        v.transform(() => 1),
      ),
    ),
    1,
  ),
};
