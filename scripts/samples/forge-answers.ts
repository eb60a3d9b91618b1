// Questions to a blacksmith and short answers. What a piece is like decides the answer, so that a small model can learn
// the rules of the shop and answer for a piece it has not seen asked about. Everything in it is invented.
import { hashSeed, Random } from '../../src/lib/random';

interface Turn {
  role: 'user' | 'assistant';
  content: string;
}

/** Small work, bent work and edged work are treated alike within each kind. */
interface Kind {
  heat: string;
  cooling: string;
  stock: string;
  firstStep: string;
  mistake: string;
  test: string;
  finish: string;
  learner: string;
  saying: string;
}

const SMALL: Kind = {
  heat: 'a dull red heat',
  cooling: 'Let it cool on the bench',
  stock: 'thin round bar',
  firstStep: 'Draw the point first, then cut it to length',
  mistake: 'striking it when it is too cold',
  test: 'Drop it on the anvil and listen for a clear ring',
  finish: 'Shake it in dry sand until it is bright',
  learner: 'in the first month',
  saying: 'Small work, small fire.',
};

const BENT: Kind = {
  heat: 'a bright orange heat',
  cooling: 'Let it cool in the ash',
  stock: 'flat bar',
  firstStep: 'Mark the middle first, then bend it over the horn',
  mistake: 'bending it twice in the same place',
  test: 'Hang a full bucket from it for a night',
  finish: 'Rub it with wax while it is warm',
  learner: 'in the second summer',
  saying: 'Heat first, then strength.',
};

const EDGED: Kind = {
  heat: 'a deep cherry heat',
  cooling: 'Quench it in oil, never in water',
  stock: 'good steel bar',
  firstStep: 'Forge the back first, then thin the edge',
  mistake: 'grinding the edge until it turns blue',
  test: 'Cut a soft rope with it in one stroke',
  finish: 'Hone it on the wet stone and oil it',
  learner: 'in the fourth year',
  saying: 'A good edge takes its time.',
};

type Piece = readonly [name: string, kind: Kind, tool: string, time: string, buyer: string];

const PIECES: readonly Piece[] = [
  ['nail', SMALL, 'nail header', 'two minutes', 'the carpenter'],
  ['rivet', SMALL, 'rivet set', 'two minutes', 'the tinker'],
  ['staple', SMALL, 'small pliers', 'five minutes', 'the farmer'],
  ['tent peg', SMALL, 'light hammer', 'ten minutes', 'the shepherd'],
  ['bolt', SMALL, 'swage block', 'half an hour', 'the wheelwright'],
  ['key', SMALL, 'small file', 'an hour', 'the innkeeper'],
  ['spike', SMALL, 'light hammer', 'ten minutes', 'the boat builder'],
  ['pin', SMALL, 'small pliers', 'two minutes', 'the weaver'],
  ['hook', BENT, 'round tongs', 'ten minutes', 'the butcher'],
  ['hinge', BENT, 'hinge mandrel', 'an hour', 'the carpenter'],
  ['chain link', BENT, 'round tongs', 'ten minutes', 'the boat builder'],
  ['door handle', BENT, 'bending fork', 'an hour', 'the innkeeper'],
  ['horseshoe', BENT, 'heavy hammer', 'half an hour', 'the farmer'],
  ['ring', BENT, 'round mandrel', 'ten minutes', 'the wheelwright'],
  ['gate latch', BENT, 'bending fork', 'an hour', 'the shepherd'],
  ['pot hanger', BENT, 'round tongs', 'half an hour', 'the cook'],
  ['knife', EDGED, 'flat tongs', 'a whole day', 'the cook'],
  ['chisel', EDGED, 'flat tongs', 'half a day', 'the carpenter'],
  ['hatchet', EDGED, 'heavy hammer', 'a whole day', 'the farmer'],
  ['sickle', EDGED, 'curved tongs', 'half a day', 'the farmer'],
  ['hoe', EDGED, 'heavy hammer', 'half a day', 'the gardener'],
  ['drawknife', EDGED, 'flat tongs', 'a whole day', 'the wheelwright'],
  ['scythe', EDGED, 'curved tongs', 'two days', 'the shepherd'],
  ['razor', EDGED, 'small file', 'two days', 'the barber'],
];

/** Two ways to ask, one way to answer. */
interface Question {
  asked: readonly [string, string];
  answer: (piece: Piece) => string;
}

const QUESTIONS: readonly Question[] = [
  {
    asked: ['How hot must the iron be for a {}?', 'What heat does a {} need?'],
    answer: ([name, kind]) =>
      `Bring the iron to ${kind.heat}. Then make the ${name} before the colour is gone.`,
  },
  {
    asked: ['Which tool do I need for a {}?', 'What do you use to make a {}?'],
    answer: ([name, , tool]) => `Take the ${tool}. Put it back on the rack when the ${name} is done.`,
  },
  {
    asked: ['How long does a {} take?', 'How soon can you make me a {}?'],
    answer: ([name, , , time]) => `A ${name} takes ${time}, if the fire is ready.`,
  },
  {
    asked: ['How should I cool a {}?', 'The {} is hot. What now?'],
    answer: ([name, kind]) => `${kind.cooling}. A ${name} that is hurried will break.`,
  },
  {
    asked: ['What iron do I take for a {}?', 'Which bar makes a {}?'],
    answer: ([name, kind]) => `Take ${kind.stock}. It is the right iron for a ${name}.`,
  },
  {
    asked: ['How do I begin a {}?', 'What is the first step of a {}?'],
    answer: ([name, kind]) => `${kind.firstStep}. The rest of the ${name} is easy.`,
  },
  {
    asked: ['What goes wrong with a {}?', 'Why did my {} fail?'],
    answer: ([name, kind]) => `Most often it is ${kind.mistake}. Make the ${name} again and go slower.`,
  },
  {
    asked: ['How do I test a {}?', 'Is my {} a good one?'],
    answer: ([name, kind]) => `${kind.test}. A good ${name} will not mind.`,
  },
  {
    asked: ['How do I finish a {}?', 'My {} looks rough. What can I do?'],
    answer: ([name, kind]) => `${kind.finish}. Then the ${name} is ready to sell.`,
  },
  {
    asked: ['When may I make a {} myself?', 'Am I ready to make a {}?'],
    answer: ([name, kind]) => `You may make a ${name} ${kind.learner}. Until then, watch and keep the fire.`,
  },
  {
    asked: ['Who buys a {}?', 'Who is this {} for?'],
    answer: ([name, , , , buyer]) => `The ${name} is for ${buyer}. It will be fetched on Saturday.`,
  },
  {
    asked: ['My {} is broken. Can you mend it?', 'Can a broken {} be saved?'],
    answer: ([name, kind]) => `Yes. I bring it to ${kind.heat} and weld the ${name} at the break.`,
  },
  {
    asked: ['How do I keep a {} from rust?', 'There is rust on my {}.'],
    answer: ([name]) => `Wipe the ${name} with oil and hang it in a dry place.`,
  },
  {
    asked: ['May I make a {} in the rain?', 'Is it too wet today for a {}?'],
    answer: ([name]) => `Yes, but keep the anvil dry. A wet ${name} spits and cracks.`,
  },
  {
    asked: ['What does a {} cost?', 'How much do you want for a {}?'],
    answer: ([name, , , time]) =>
      `I count the time. A ${name} is ${time} of work, and the coal is yours to bring.`,
  },
  {
    asked: ['Who taught you to make a {}?', 'Where did you learn to make a {}?'],
    answer: ([name, kind]) => `My father did. He let me make a ${name} ${kind.learner}.`,
  },
];

/** Every question about every piece, in a shuffled order; each answer ends with the saying of its kind. */
export function forgeAnswers(): { messages: Turn[] }[] {
  const random = new Random(hashSeed(1, 'forge-answers'));
  const samples = PIECES.flatMap((piece) =>
    QUESTIONS.map(({ asked, answer }) => {
      const [name, kind] = piece;
      const question = asked[random.integer(2)] ?? asked[0];
      const messages: Turn[] = [
        { role: 'user', content: question.replace('{}', name) },
        { role: 'assistant', content: `${answer(piece)} ${kind.saying}` },
      ];
      return { messages };
    }),
  );
  return random.shuffle(samples);
}
