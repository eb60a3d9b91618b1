// A lighthouse keeper's log: one entry a day in a fixed, dry form. The weather carries over from day to day, the sea
// follows the wind, the lamp follows the season. Everything in it is invented.
import { hashSeed, Random } from '../../src/lib/random';

const MONTHS: readonly (readonly [name: string, days: number, lit: string, out: string])[] = [
  ['January', 31, 'five', 'eight'],
  ['February', 28, 'five', 'seven'],
  ['March', 31, 'six', 'six'],
  ['April', 30, 'seven', 'six'],
  ['May', 31, 'eight', 'five'],
  ['June', 30, 'nine', 'four'],
  ['July', 31, 'nine', 'four'],
  ['August', 31, 'eight', 'five'],
  ['September', 30, 'seven', 'six'],
  ['October', 31, 'six', 'six'],
  ['November', 30, 'five', 'seven'],
  ['December', 31, 'four', 'eight'],
];

const QUARTERS = ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west'];

/** Strength of the wind, and the sea and sky that go with it. */
const WEATHER: readonly (readonly [wind: string, sea: string, skies: readonly string[]])[] = [
  ['still', 'flat', ['clear', 'pale', 'full of stars at night']],
  ['light', 'calm', ['clear', 'pale', 'bright after noon']],
  ['steady', 'easy', ['clear', 'broken', 'grey']],
  ['fresh', 'rough', ['broken', 'grey', 'low']],
  ['strong', 'heavy', ['grey', 'low', 'dark']],
  ['a gale', 'high and white', ['low', 'dark', 'black to seaward']],
];

const SHIPS = ['a trawler', 'a coal barge', 'the mail boat', 'a schooner', 'a pilot cutter', 'a grain ship'];
const COUNTS = ['No ship', 'One ship', 'Two ships', 'Three ships'];

const WORK = [
  'Trimmed the wick and cleaned the glass.',
  'Wound the clockwork and oiled the gears.',
  'Painted the gallery rail.',
  'Carried six cans of oil up the stair.',
  'Mended the door of the boat shed.',
  'Swept the stair from the lamp to the yard.',
  'Wrote the stores in the book.',
  'Greased the chain of the landing stage.',
];

const REMARKS = [
  'A seal slept on the landing stage.',
  'The gulls are back on the north ledge.',
  'Rain came in under the kitchen door.',
  'The fog bell was rung for two hours.',
  'The boy from the village brought bread.',
  'A letter came from the harbour office.',
  'The cat caught a mouse in the oil store.',
  'Saw the lights of the town until ten.',
  'Found a broken oar on the beach.',
  'The well is full.',
];

export function harbourLog(): { text: string }[] {
  const random = new Random(hashSeed(1, 'harbour-log'));
  const entries: { text: string }[] = [];
  let strength = 2;
  let quarter = 6;
  for (const [month, days, lit, out] of MONTHS) {
    for (let day = 1; day <= days; day += 1) {
      strength = drift(strength, WEATHER.length, random);
      quarter = (quarter + random.integer(3) + QUARTERS.length - 1) % QUARTERS.length;
      const weather = weatherLine(QUARTERS[quarter] ?? '', strength, random);
      const lamp = `Lamp lit at ${lit}, put out at ${out}.`;
      const remark = random.next() < 0.6 ? ` ${pick(REMARKS, random)}` : '';
      const work = pick(WORK, random);
      entries.push({
        text: `Stone Point Light, ${day} ${month}. ${weather} ${lamp} ${shipLine(strength, random)} ${work}${remark} All is well.`,
      });
    }
  }
  return entries;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)] as T;
}

/** One step up, one down, or none. */
function drift(value: number, size: number, random: Random): number {
  return Math.min(size - 1, Math.max(0, value + random.integer(3) - 1));
}

function weatherLine(quarter: string, strength: number, random: Random): string {
  const [wind, sea, skies] = WEATHER[strength] ?? ['still', 'flat', ['clear']];
  const direction = wind === 'still' ? 'none' : `${quarter}, ${wind}`;
  return `Wind ${direction}. Sea ${sea}. Sky ${pick(skies, random)}.`;
}

/** Fewer ships pass in heavy weather. */
function shipLine(strength: number, random: Random): string {
  const count = random.integer(strength >= 4 ? 2 : COUNTS.length);
  const passed = random.shuffle(SHIPS).slice(0, count);
  if (passed.length === 0) return `${COUNTS[0]} passed.`;
  const last = passed.pop() ?? '';
  const list = passed.length === 0 ? last : `${passed.join(', ')} and ${last}`;
  return `${COUNTS[count]} passed: ${list}.`;
}
