import { describe, expect, it } from 'vitest';
import { parseBackendConfigs, type ConfigContext } from './parse-backend-configs';

const context: ConfigContext = {
  variables: { model_family: 'llama', output_dir: 'out' },
  env: (name) => ({ KEY: 'AKIA1' })[name],
  plugins: [],
  existing: [],
  otherDatasets: 0,
  run: null,
};
const parse = (text: string, changes: Partial<ConfigContext> = {}) =>
  parseBackendConfigs(text, { ...context, ...changes });
const messages = (text: string, changes?: Partial<ConfigContext>) =>
  parse(text, changes).problems.map(({ path, message }) => `${path}: ${message}`);

const notes = '{id: notes, instance_data_dir: notes}';
const cache = { id: 'cache', dataset_type: 'text_embeds', default: true };

describe('parseBackendConfigs: reading', () => {
  it('takes JSON and YAML, one backend or a list', () => {
    const json = parse('{"id":"notes","instance_data_dir":"notes"}').backends;
    expect(json[0]).toMatchObject({ id: 'notes', instance_data_dir: 'notes', type: 'local' });
    expect(parse('id: notes\ninstance_data_dir: notes').backends).toEqual(json);
    expect(parse(`- ${notes}`).backends).toEqual(json);
  });

  it.each(['', '[]', 'null', '# nothing'])('%j holds no backend', (text) => {
    expect(messages(text)).toEqual([': Must provide at least one data backend.']);
  });

  it('names line and column of what is not readable, and never quotes it', () => {
    const [problem] = parse('id: a\naws_secret_access_key: "hush').problems;
    expect(problem?.message).toMatch(/line 2/);
    expect(JSON.stringify(parse('{"aws_secret_access_key": "hush" oops}'))).not.toContain('hush');
  });

  it.each(['3', '- 3', '- [a]'])('%s is no list of settings', (text) => {
    expect(messages(text)[0]).toMatch(/is not a list of settings by name/);
  });

  it('refuses what holds itself', () => {
    expect(messages('&a {id: a, mapping: *a}')[0]).toMatch(/nested more than/);
  });

  it('tells the problems of all backends in the order of the text', () => {
    expect(messages('- {id: a, repeats: -1}\n- {id: b, type: aws, crop: 1}\n- {id: a, type: zip}')).toEqual([
      '[0].repeats: repeats must be a whole number of at least 0: -1.',
      '[0].instance_data_dir: instance_data_dir is missing in "a".',
      '[1].crop: crop is not a setting of this kind of backend.',
      '[1].aws_bucket_name: aws_bucket_name is missing.',
      '[1].aws_endpoint_url: aws_endpoint_url is missing.',
      '[2].type: type is not known: "zip". Supported: local, aws, csv, huggingface, memory.',
      `[2].id: Each dataset needs a unique 'id' field. "a" is there twice.`,
    ]);
  });

  it('tells all folders that are missing as one problem', () => {
    expect(messages('- id: a\n- id: b')).toEqual([
      '[0].instance_data_dir: instance_data_dir is missing in "a", "b".',
    ]);
  });
});

describe('parseBackendConfigs: order', () => {
  it('drops disabled backends before it looks at them', () => {
    const outcome = parse(`- ${notes}\n- {disable: true, nonsense: 1}\n- {id: x, disabled: true}`);
    expect(outcome.problems).toEqual([]);
    expect(outcome.backends.map(({ id }) => id)).toEqual(['notes', 'text-embeds']);
    expect(outcome.warnings.map(({ path }) => path)).toEqual(['[1].disabled', '[2].disabled']);
  });

  it('sorts before variables are filled: names in edges are literal', () => {
    const text = `- {id: made, source_dataset_id: "{model_family}", instance_data_dir: m}\n- {id: llama, instance_data_dir: l}`;
    expect(parse(text).backends.map(({ id }) => id)).toEqual(['made', 'llama', 'text-embeds']);
  });

  it('names a circle', () => {
    const text =
      '- {id: a, source_dataset_id: b, instance_data_dir: a}\n- {id: b, source_dataset_id: a, instance_data_dir: b}';
    expect(messages(text)).toEqual([": Circular dependency detected involving dataset 'a'."]);
  });
});

describe('parseBackendConfigs: secrets', () => {
  const text = JSON.stringify({
    id: 'bucket',
    type: 'aws',
    aws_bucket_name: 'b',
    aws_endpoint_url: 'https://s3.example',
    aws_access_key_id: '{env:KEY}',
    aws_secret_access_key: 'hush',
  });

  it('takes them out of the configuration', () => {
    const { backends, secrets } = parse(text);
    expect(secrets).toEqual({ bucket: { aws_access_key_id: 'AKIA1', aws_secret_access_key: 'hush' } });
    expect(JSON.stringify(backends)).not.toMatch(/hush|AKIA1/);
  });

  it('keeps none and names none while there are problems', () => {
    const broken = parse(text.replace('"hush"', '"hush","bucket":1'));
    expect(broken.secrets).toEqual({});
    expect(JSON.stringify(broken)).not.toMatch(/hush|AKIA1/);
  });

  it('a secret that is no text is named without its value', () => {
    expect(messages(text.replace('"hush"', '123456'))).toEqual([
      'aws_secret_access_key: aws_secret_access_key must be a text.',
    ]);
  });
});

describe('parseBackendConfigs: rules between backends', () => {
  it('adds a cache of texts where there is none', () => {
    expect(parse(notes).backends[1]).toEqual({
      id: 'text-embeds',
      dataset_type: 'text_embeds',
      type: 'local',
      cache_dir: 'out/cache/text/llama',
      default: true,
      write_batch_size: 128,
    });
    expect(parse(notes, { existing: [cache] }).backends).toHaveLength(1);
  });

  it('counts up where the name of the cache is taken', () => {
    const text = `- {id: text-embeds, instance_data_dir: a}\n- ${notes}`;
    expect(parse(text).backends.at(-1)?.id).toBe('text-embeds-1');
  });

  it('the first cache becomes the default where none is', () => {
    const text = `- ${notes}\n- {id: one, dataset_type: text_embeds}\n- {id: two, dataset_type: text_embeds}`;
    expect(parse(text).backends.map((config) => config['default'])).toEqual([undefined, true, undefined]);
  });

  it('refuses two default caches, one of them stored', () => {
    const text = `- ${notes}\n- {id: two, dataset_type: text_embeds, default: true}`;
    expect(messages(text, { existing: [cache] })).toEqual([
      '[1].default: Only one text embed backend can be marked as default.',
    ]);
  });

  it('refuses two caches of pictures of one name', () => {
    const twice = '\n- {id: same, dataset_type: image_embeds}'.repeat(2);
    expect(messages(`- ${notes}${twice}`)).toEqual(['[2].id: You can only have one backend named same.']);
  });

  it.each(['text_embeds', 'image_embeds', 'source_dataset_id', 'conditioning_data'])(
    'refuses an unknown id in %s',
    (key) => {
      expect(messages(`{id: notes, instance_data_dir: n, ${key}: gone}`)[0]).toMatch(
        new RegExp(`^${key}: ${key} names a .* that is not there: "gone"`),
      );
    },
  );

  it('knows ids of stored backends', () => {
    expect(messages('{id: notes, instance_data_dir: n, text_embeds: cache}', { existing: [cache] })).toEqual(
      [],
    );
  });

  it('says that a stored backend is replaced', () => {
    const existing = [{ id: 'notes', dataset_type: 'text' }];
    expect(parse(notes, { existing }).warnings.map(({ message }) => message)).toEqual([
      'There is a backend "notes" already: its configuration is replaced.',
    ]);
  });

  it('wants something to train on', () => {
    const text = '{id: check, dataset_type: eval, instance_data_dir: n}';
    expect(messages(text)).toEqual([': At least one training dataset must remain.']);
    expect(messages(text, { otherDatasets: 1 })).toEqual([]);
    expect(messages(text, { existing: [{ id: 'a', dataset_type: 'text' }] })).toEqual([]);
    expect(messages('{id: sayings, dataset_type: embeddings, instance_data_dir: n}')).toEqual([]);
  });

  it.each(['start_epoch: 2', 'start_step: 2'])('wants a training dataset from the beginning: %s', (late) => {
    expect(messages(`{id: notes, instance_data_dir: n, ${late}}`)[0]).toMatch(
      /No training dataset takes part/,
    );
  });

  it('warns of a beginning that the run never reaches', () => {
    const text = `- ${notes}\n- {id: late, instance_data_dir: n, start_epoch: 4, start_step: 100}`;
    const { warnings, problems } = parse(text, { run: { epochs: 3, steps: 99 } });
    expect(problems).toEqual([]);
    expect(warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      '[1].start_epoch: "late" will never sample: start_epoch is 4 and the run ends at 3.',
      '[1].start_step: "late" will never sample: start_step is 100 and the run ends at 99.',
    ]);
  });
});
