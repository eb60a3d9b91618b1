import { expect, it } from 'vitest';
import { placesOf } from '../../core/config/backends/backend-entries';
import {
  allBackendFields,
  secretFieldsOf,
  type BackendField,
} from '../../core/config/backends/describe-fields';
import { settingHelp } from './es/setting-help';

const paths = (field: BackendField): string[] => [
  field.key,
  ...field.fields.map(({ key }) => `${field.key}.${key}`),
];

it('help of settings: each has its Spanish, and nothing else has', () => {
  const fields = [
    ...allBackendFields(placesOf).map(({ field }) => field),
    ...secretFieldsOf('aws'),
    ...secretFieldsOf('huggingface'),
  ];
  expect(Object.keys(settingHelp).sort()).toEqual(fields.flatMap(paths).sort());
});
