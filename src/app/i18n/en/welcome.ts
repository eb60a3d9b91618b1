// Words of the first-run screen.
export const welcome = {
  title: 'Run and fine-tune small models here',
  text: 'Everything happens in this browser. Your text, data and models stay on this device, with or without a connection.',
  deviceReady: 'This device is ready',
  deviceStarting: 'Measuring this device',
  deviceStartingText: 'The engine looks for the fastest way to compute here.',
  deviceFailed: 'The engine did not start',
  learn: 'See it learn',
  learnTitle: 'Watch a model learn',
  learnText:
    'Fine-tunes {model} on a sample of questions and answers, a minute or a few. You watch the loss fall, then talk to the result.',
  chatNow: 'Chat now',
  chatTitle: 'Or say hello first',
  chatText: '{model} is already here: {size}, {parameters} weights, no download.',
  ownTitle: 'Then teach it your own way of writing',
  ownText: 'Add text, CSV or JSONL files under Data and start a run. Optional.',
  learnFailed: 'The sample run did not start',
  runName: 'first-run',
  smallModel: 'a small model',
  starting: 'Starting',
};
